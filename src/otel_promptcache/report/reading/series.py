"""The numbers behind the plots."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from otel_promptcache.report.reading.record import CallRecord

_FEWEST_SLICES, _MOST_SLICES = 10, 60
_REQUESTS_PER_SLICE = 2
_SHORTEST_SECONDS = 0.001
_NICE_STEPS = (1, 2, 5, 10)
_FEW_TIMES = 2


@dataclass(frozen=True, slots=True)
class Slice:
    """What was sent in one slice of time."""

    requests: int
    """Requests that reported how much of their input was cached."""
    read_tokens: int
    write_tokens: int
    uncached_tokens: int
    lost_tokens: int
    """Uncached tokens that were processed again after a miss."""

    @property
    def tokens(self) -> int:
        """All input tokens."""
        return self.read_tokens + self.write_tokens + self.uncached_tokens

    @property
    def hit_ratio(self) -> float | None:
        """The share that was read from the cache; None if there was no input."""
        return self.read_tokens / self.tokens if self.tokens else None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run in slices of equal length."""

    slice_seconds: float
    slices: tuple[Slice, ...]
    """From the first request on; empty if none reported how much of its input was cached."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How some times are distributed."""

    count: int
    low_seconds: float
    """One in ten is shorter; the shortest if there are few."""
    median_seconds: float
    high_seconds: float
    """One in ten is longer; the longest if there are few."""


@dataclass(frozen=True, slots=True)
class ReasonLoss:
    """What the misses with one reason cost together."""

    reason: str
    requests: int
    lost_tokens: int
    lost_usd: float | None
    """None if none of them had a price."""


def timeline(calls: Sequence[CallRecord]) -> Timeline:
    """Cut a run into slices of a round length; the calls are in chronological order."""
    counted = [call for call in calls if call.has_split]
    if not counted:
        return Timeline(0.0, ())
    start = counted[0].started_seconds
    wanted = min(max(len(counted) // _REQUESTS_PER_SLICE, _FEWEST_SLICES), _MOST_SLICES)
    slice_seconds = _round_up((counted[-1].started_seconds - start) / wanted)
    slices: defaultdict[int, list[CallRecord]] = defaultdict(list)
    for call in counted:
        slices[int((call.started_seconds - start) / slice_seconds)].append(call)
    return Timeline(slice_seconds, tuple(_slice(slices[index]) for index in range(max(slices) + 1)))


def _slice(calls: Sequence[CallRecord]) -> Slice:
    return Slice(
        requests=len(calls),
        read_tokens=sum(call.read_tokens or 0 for call in calls),
        write_tokens=sum(call.write_tokens or 0 for call in calls),
        uncached_tokens=sum(call.uncached_tokens or 0 for call in calls),
        lost_tokens=sum(min(call.missed_tokens or 0, call.uncached_tokens or 0) for call in calls),
    )


def _round_up(duration_seconds: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... milliseconds."""
    unit = _SHORTEST_SECONDS
    while True:
        for step in _NICE_STEPS:
            if step * unit >= duration_seconds:
                return step * unit
        unit *= _NICE_STEPS[-1]


def spread(times_seconds: Iterable[float | None]) -> Spread | None:
    """Describe how times are distributed; None if none is known."""
    known = sorted(each for each in times_seconds if each is not None)
    if not known:
        return None
    if len(known) < _FEW_TIMES:
        return Spread(1, known[0], known[0], known[0])
    deciles = quantiles(known, n=10, method="inclusive")
    return Spread(len(known), deciles[0], deciles[4], deciles[8])


def losses(calls: Iterable[CallRecord]) -> tuple[ReasonLoss, ...]:
    """Add up what the misses cost by reason, the most expensive first; reasons that cost nothing are left out."""
    requests: Counter[str] = Counter()
    lost_tokens: Counter[str] = Counter()
    dollars: dict[str, float] = {}
    for call in calls:
        if call.reason is None or call.has_failed:
            continue
        requests[call.reason] += 1
        lost_tokens[call.reason] += call.missed_tokens or 0
        if call.missed_usd is not None:
            dollars[call.reason] = dollars.get(call.reason, 0.0) + call.missed_usd
    found = [ReasonLoss(each, requests[each], lost_tokens[each], dollars.get(each)) for each in requests]
    costly = [each for each in found if each.lost_usd or each.lost_tokens]
    return tuple(sorted(costly, key=lambda each: (-(each.lost_usd or 0.0), -each.lost_tokens, each.reason)))
