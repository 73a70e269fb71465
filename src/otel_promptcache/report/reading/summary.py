"""Sums up the calls of each prompt template."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from otel_promptcache.report.reading.record import UNKNOWN, CallRecord

INELIGIBLE = "ineligible"
_ELIGIBLE = ("hit", "partial", "miss")

_N = TypeVar("_N", int, float)

UNNAMED = "(not identified)"
"""The name of calls whose prompt could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    """One prompt template, or all of them. None is *not known*, 0 is a measured zero."""

    template: str
    models: tuple[str, ...]
    """The most frequent first, as in the next two."""
    apis: tuple[str, ...]
    """The formats of the requests: `openai.api.type`, or `messages`."""
    call_sites: tuple[str, ...]
    """Where in the application they are sent: each a file's name and a line."""
    is_named: bool
    """Whether the application gave it a name, which `template` then is."""
    requests: int
    failed: int
    abandoned: int
    """Requests that the application left before the answer was complete."""
    abandoned_streams: int
    """Those of them that were streams."""
    results: Mapping[str, int]
    """Requests by `promptcache.result`, without those that failed."""
    read_tokens: int | None
    write_tokens: int | None
    uncached_tokens: int | None
    """Like the other two, for the requests that reported how much of their input was cached."""
    net_usd: float | None
    """Read discounts less write surcharges."""
    lost_usd: float | None
    """What misses cost; None if nothing was priced or nothing was diagnosed."""
    lost_tokens: int | None
    """What was processed again because of misses; None if nothing was diagnosed."""
    unpriced: int
    """Requests with known tokens and an unknown price."""
    hit_seconds: float | None
    """Median time to the first token of hits; None for several templates together."""
    miss_seconds: float | None
    """The same for misses."""

    @property
    def answered(self) -> int:
        """How many requests did not fail."""
        return self.requests - self.failed

    @property
    def is_ineligible(self) -> bool:
        """Whether no known answer could have been a hit: the prompts are too short, or the model has no cache."""
        return is_ineligible(self.results)

    @property
    def hit_ratio(self) -> float | None:
        """The share of all reported input tokens that was read from the cache."""
        if self.read_tokens is None or self.uncached_tokens is None:
            return None
        total_tokens = self.read_tokens + self.uncached_tokens + (self.write_tokens or 0)
        return self.read_tokens / total_tokens if total_tokens else None

    @property
    def eligible_hit_ratio(self) -> float | None:
        """The hit ratio; None, rather than 0, if no cache could have served its prompts."""
        return None if self.is_ineligible else self.hit_ratio

    @property
    def unknown_share(self) -> float | None:
        """The share of answered requests whose result is not known; None if there are none."""
        return self.results.get(UNKNOWN, 0) / self.answered if self.answered else None


def is_ineligible(results: Mapping[str, int]) -> bool:
    """Whether no cache could have served any of the requests whose result is known."""
    return INELIGIBLE in results and not any(results.get(each) for each in _ELIGIBLE)


def by_template(calls: Iterable[CallRecord]) -> dict[str | None, list[CallRecord]]:
    """Group calls by template, the most frequent first; None for those that have none."""
    groups: defaultdict[str | None, list[CallRecord]] = defaultdict(list)
    for call in calls:
        groups[call.template].append(call)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0] or "")))


def summarize(template: str, calls: Sequence[CallRecord], *, times: bool = True) -> TemplateRow:
    """Add up the calls.

    Args:
        template: What to call them.
        calls: Of one template, or of several.
        times: Whether to take medians of times, which mean nothing across different prompts.
    """
    answered = [call for call in calls if not call.has_failed]
    is_diagnosed = any(call.expected_tokens is not None or call.reason for call in answered)
    is_priced = any(call.net_usd is not None for call in answered)
    dollars = _total(answered, lambda call: call.missed_usd)
    return TemplateRow(
        template=template,
        models=_by_frequency(call.model for call in calls),
        apis=_by_frequency(call.format for call in calls),
        call_sites=_by_frequency(call.call_site for call in calls),
        is_named=any(call.name for call in calls),
        requests=len(calls),
        failed=len(calls) - len(answered),
        abandoned=sum(call.is_abandoned for call in calls),
        abandoned_streams=sum(call.is_abandoned and call.is_stream for call in calls),
        results=Counter(call.result for call in answered),
        read_tokens=_total(answered, lambda call: call.read_tokens if call.has_split else None),
        write_tokens=_total(answered, lambda call: call.write_tokens if call.has_split else None),
        uncached_tokens=_total(answered, lambda call: call.uncached_tokens),
        net_usd=_total(answered, lambda call: call.net_usd),
        lost_usd=0.0 if dollars is None and is_diagnosed and is_priced else dollars,
        lost_tokens=sum(call.missed_tokens or 0 for call in answered) if is_diagnosed else None,
        unpriced=sum(call.has_split and call.net_usd is None for call in answered),
        hit_seconds=_median_seconds(answered, "hit") if times else None,
        miss_seconds=_median_seconds(answered, "miss") if times else None,
    )


def _by_frequency(values: Iterable[str | None]) -> tuple[str, ...]:
    """The known values, each once, the most frequent first."""
    return tuple(value for value, _ in Counter(filter(None, values)).most_common())


def _total(calls: Iterable[CallRecord], amount: Callable[[CallRecord], _N | None]) -> _N | None:
    """The sum of what is known; None if nothing is."""
    known = [each for each in map(amount, calls) if each is not None]
    return sum(known[1:], known[0]) if known else None


def _median_seconds(calls: Iterable[CallRecord], result: str) -> float | None:
    seconds = [call.first_token_seconds for call in calls if call.result == result]
    known = [each for each in seconds if each is not None]
    return median(known) if known else None
