"""Judges the calls of several processes together: what each by itself could not know."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from otel_promptcache.core.policy import CachePolicy, policy_for
from otel_promptcache.report.reading.record import CallRecord

_MINUTE_SECONDS = 60
_CHARS_PER_TOKEN = 6
"""More than a token has in most languages, so that a text is not taken for longer than it is."""
_PROVIDER, _COLD_START = "provider", "cold_start"
_RATE_OVERFLOW, _CONCURRENT = "rate_overflow", "concurrent"


@dataclass(slots=True)
class _Start:
    """What is going on with one start of a prompt in one scope."""

    recent: deque[float] = field(default_factory=deque[float])
    """When the requests of the last minute were sent."""
    in_flight: Counter[int] = field(default_factory=Counter[int])
    """Requests that are not answered yet, by process."""
    answered_seconds: float | None = None
    """When one was answered last."""


def merge(calls: Sequence[CallRecord]) -> list[CallRecord]:
    """Correct the reasons of calls by what the other processes of the run were doing.

    A miss that looks like the provider's doing is `rate_overflow` if all processes together sent the same start more
    often than a machine takes. It is `concurrent` if another process was just writing the prefix. A cold start is none
    if another process was answered with the same tools and instructions, and they are long enough to be cached.

    Args:
        calls: In the order in which they were sent.

    Returns:
        The same calls, in the same order. Those of one process, and those of which it is not known how their prompts
        start, are what they were.
    """
    if len({call.process for call in calls}) < 2:  # noqa: PLR2004  # one process knows all of it
        return list(calls)
    starts: defaultdict[str, _Start] = defaultdict(_Start)
    ends: list[tuple[float, int, str]] = []
    corrected: list[CallRecord] = []
    for call in calls:
        if call.start is None or call.has_failed:
            corrected.append(call)
            continue
        while ends and ends[0][0] <= call.started_seconds:
            ended_seconds, process, key = heappop(ends)
            starts[key].in_flight[process] -= 1
            starts[key].answered_seconds = ended_seconds
        start = starts[call.start]
        start.recent.append(call.started_seconds)
        while start.recent[0] < call.started_seconds - _MINUTE_SECONDS:
            start.recent.popleft()
        reason = _reason(call, start)
        corrected.append(call if reason == call.reason else _with_reason(call, reason))
        start.in_flight[call.process] += 1
        heappush(ends, (call.ended_seconds, call.process, call.start))
    return corrected


def _reason(call: CallRecord, start: _Start) -> str | None:
    if call.reason not in (_PROVIDER, _COLD_START):
        return call.reason
    policy = policy_for(call.provider or "openai", call.model or "")
    is_answered = (
        start.answered_seconds is not None
        and call.started_seconds - start.answered_seconds <= policy.lifetime_seconds
    )
    others_in_flight = start.in_flight.total() - start.in_flight[call.process]
    if not is_answered and others_in_flight:
        return _CONCURRENT
    if call.reason == _COLD_START and not (is_answered and _could_be_read(call, policy)):
        return _COLD_START
    limit = policy.max_requests_per_minute
    return _RATE_OVERFLOW if limit is not None and len(start.recent) > limit else _PROVIDER


def _could_be_read(call: CallRecord, policy: CachePolicy) -> bool:
    """Whether tools and instructions alone are surely long enough to be read, and end where they can be."""
    if policy.minimum_tokens is None or policy.has_exact_boundaries or call.leading_chars is None:
        return False
    return call.leading_chars >= policy.minimum_tokens * _CHARS_PER_TOKEN


def _with_reason(call: CallRecord, reason: str | None) -> CallRecord:
    # How much a cold start could have read from another process's work is not known.
    missed_tokens = None if call.reason == _COLD_START else call.missed_tokens
    missed_usd = None if call.reason == _COLD_START else call.missed_usd
    return replace(
        call, reason=reason, reason_in_process=call.reason, missed_tokens=missed_tokens, missed_usd=missed_usd
    )
