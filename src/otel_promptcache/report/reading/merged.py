"""Judges the calls of several processes together, by what each could not know on its own."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from otel_promptcache.report.reading.record import CallRecord

_MINUTE_SECONDS = 60
_PROVIDER, _COLD_START, _EXPIRED, _UNSEEN = "provider", "cold_start", "expired", "unseen"
_RATE_OVERFLOW, _CONCURRENT = "rate_overflow", "concurrent"


@dataclass(slots=True)
class InFlight:
    """How many requests are being processed, in all processes and in each."""

    by_process: dict[int, int] = field(default_factory=dict[int, int])
    total: int = 0

    def begin(self, process: int) -> None:
        """Count a request of a process."""
        self.by_process[process] = self.by_process.get(process, 0) + 1
        self.total += 1

    def end(self, process: int) -> None:
        """Remove a request of a process from the count."""
        self.by_process[process] -= 1
        self.total -= 1

    def of_others(self, process: int) -> int:
        """How many requests of other processes there are."""
        return self.total - self.by_process.get(process, 0)


@dataclass(slots=True)
class _Start:
    """The current state of one start of a prompt in one scope."""

    recent: deque[float] = field(default_factory=deque[float])
    """When the requests of the last minute were sent."""
    in_flight: InFlight = field(default_factory=InFlight)
    """Requests whose prompt is not processed yet."""
    readable_until_seconds: float = -math.inf
    """Until when the provider surely keeps it, from a request that it has processed."""

    def sent(self, at_seconds: float) -> None:
        """Note that a request is sent."""
        self.recent.append(at_seconds)
        while self.recent[0] < at_seconds - _MINUTE_SECONDS:
            self.recent.popleft()

    def processed(self, call: CallRecord, at_seconds: float) -> None:
        """Note that the provider has processed a request."""
        self.in_flight.end(call.process)
        if call.lifetime_seconds is not None:
            until_seconds = at_seconds + call.lifetime_seconds
            self.readable_until_seconds = max(self.readable_until_seconds, until_seconds)


def merge(calls: Sequence[CallRecord]) -> list[CallRecord]:
    """Correct the reasons of calls by what the other processes of the run were doing.

    A miss blamed on the provider is `rate_overflow` if all processes together sent the same start more often than a
    machine takes. A cold start whose tools and instructions are long enough to be cached becomes such a miss if the
    provider had processed them for another process. It becomes `concurrent` if the provider was still doing so.
    `unseen`, which means that a process could not say, becomes what it would say if it were the only one, corrected
    in the same way. What the provider itself says is not corrected.

    Args:
        calls: In the order in which they were sent.

    Returns:
        The same calls, in the same order. Calls are unchanged if there is only one process, or if it is not known how
        their prompts start.
    """
    if len({call.process for call in calls}) < 2:  # noqa: PLR2004  # one process knows everything
        return list(calls)
    starts: defaultdict[str, _Start] = defaultdict(_Start)
    under_way: list[tuple[float, int, _Start]] = []
    """When calls will be processed, their indices, and their starts."""
    corrected: list[CallRecord] = []
    for index, call in enumerate(calls):
        if call.start is None:
            corrected.append(call)
            continue
        while under_way and under_way[0][0] <= call.started_seconds:
            at_seconds, earlier, its_start = heappop(under_way)
            its_start.processed(calls[earlier], at_seconds)
        start = starts[call.start]
        start.sent(call.started_seconds)
        reason = _reason(call, start)
        corrected.append(call if reason == call.reason else _with_reason(call, reason))
        start.in_flight.begin(call.process)
        heappush(under_way, (_processed_at_seconds(call), index, start))
    return corrected


def _processed_at_seconds(call: CallRecord) -> float:
    if call.processed_seconds is None:
        return call.ended_seconds
    return min(call.started_seconds + call.processed_seconds, call.ended_seconds)


def _reason(call: CallRecord, start: _Start) -> str | None:
    if call.source == _PROVIDER or call.reason not in (_PROVIDER, _COLD_START, _UNSEEN):
        return call.reason
    # A process says `provider` only if the prompt was processed for it before and has not expired: no write is pending.
    alone = _reason_alone(call)
    if alone != _PROVIDER:
        is_alive = call.started_seconds <= start.readable_until_seconds
        if not is_alive:
            is_written = call.is_start_cacheable and start.in_flight.of_others(call.process) > 0
            return _CONCURRENT if is_written else alone
        if not call.is_start_cacheable:
            return call.reason
    limit = call.max_requests_per_minute
    return _RATE_OVERFLOW if limit is not None and len(start.recent) > limit else _PROVIDER


def _reason_alone(call: CallRecord) -> str | None:
    """What the process would say if it were the only one."""
    if call.reason != _UNSEEN:
        return call.reason
    if call.missed_tokens is None:
        return _COLD_START
    was_alive = (call.expected_tokens or 0) - (call.read_tokens or 0) >= call.missed_tokens
    return _PROVIDER if was_alive else _EXPIRED


def _with_reason(call: CallRecord, reason: str | None) -> CallRecord:
    # How much a cold start could have read of what another process wrote is not known.
    missed_tokens = None if call.reason == _COLD_START else call.missed_tokens
    missed_usd = None if call.reason == _COLD_START else call.missed_usd
    return replace(
        call, reason=reason, reason_in_process=call.reason, missed_tokens=missed_tokens, missed_usd=missed_usd
    )
