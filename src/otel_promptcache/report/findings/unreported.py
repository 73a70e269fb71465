"""Findings about what is not known: usage that is missing or impossible, and missing prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from otel_promptcache.report.findings.finding import Finding, server_of
from otel_promptcache.report.reading.record import UNKNOWN, CallRecord
from otel_promptcache.report.rendering.wording import counted, verbatim
from otel_promptcache.report.rules import patterns as rules
from otel_promptcache.report.rules.rule import Rule
from otel_promptcache.report.rules.snippets import CHAT

_NOTICEABLE = 0.05

_ASKED_FORMATS = frozenset({CHAT, None})
"""Formats whose streams report usage only on request; None stands for the older completions."""

Calls = Sequence[CallRecord]


def _usage_not_requested(template: str | None, calls: Calls) -> Finding | None:
    silent = [call for call in calls if _is_silent(call) and _has_to_be_asked(call)]
    return _unknown(rules.USAGE_NOT_REQUESTED, template, silent, calls)


def _usage_not_reported(template: str | None, calls: Calls) -> Finding | None:
    silent = [call for call in calls if _is_silent(call) and not _has_to_be_asked(call)]
    return _unknown(rules.USAGE_NOT_REPORTED, template, silent, calls)


def _is_silent(call: CallRecord) -> bool:
    """Tell whether it was seen to its end, and its usage was missing rather than invalid."""
    is_read = call.is_finished and not call.is_abandoned
    return is_read and call.result == UNKNOWN and call.input_tokens is None and call.usage_error is None


def _has_to_be_asked(call: CallRecord) -> bool:
    return call.is_stream and call.format in _ASKED_FORMATS


def _stream_not_finished(template: str | None, calls: Calls) -> Finding | None:
    left = [call for call in calls if _is_silent_stream(call) and _was_left(call)]
    return _unknown(rules.STREAM_NOT_FINISHED, template, left, calls)


def _is_silent_stream(call: CallRecord) -> bool:
    return call.is_stream and call.result == UNKNOWN and call.input_tokens is None


def _was_left(call: CallRecord) -> bool:
    """Tell whether it was left before its usage could arrive, be it before the last event or after it."""
    return call.is_abandoned or not call.is_finished


def _cache_not_reported(template: str | None, calls: Calls) -> Finding | None:
    silent = [call for call in calls if call.input_tokens is not None and call.read_tokens is None]
    return _unknown(rules.CACHE_NOT_REPORTED, template, silent, calls)


def _cached_outside_input(template: str | None, calls: Calls) -> Finding | None:
    return _impossible(rules.CACHED_OUTSIDE_INPUT, "cache_exceeds_input", template, calls)


def _invalid_usage(template: str | None, calls: Calls) -> Finding | None:
    return _impossible(rules.INVALID_USAGE, "invalid_count", template, calls)


def _impossible(rule: Rule, error: str, template: str | None, calls: Calls) -> Finding | None:
    bad = [call for call in calls if call.usage_error == error]
    good = sum(call.has_split for call in calls)
    if not bad:
        return None
    share = f"All figures of this template cover only the other {counted(good, 'request')}." if good else ""
    return Finding(
        rule=rule,
        template=template,
        requests=len(bad),
        of_requests=len(calls),
        evidence=f"This happened in {len(bad):,} of {counted(len(calls), 'request')}. {share}".rstrip(),
    )


def _unknown(rule: Rule, template: str | None, unknown: Calls, calls: Calls) -> Finding | None:
    if len(unknown) <= _NOTICEABLE * len(calls):
        return None
    return Finding(
        rule=rule,
        template=template,
        requests=len(unknown),
        of_requests=len(calls),
        evidence=f"This happened in {len(unknown):,} of {counted(len(calls), 'request')}.",
        server=server_of(unknown),
    )


def no_price(calls: Calls) -> Finding | None:
    """Find requests whose tokens are known, but not their price."""
    reported = [call for call in calls if call.has_split]
    unpriced = [call for call in reported if call.net_usd is None]
    if len(unpriced) <= _NOTICEABLE * len(reported):
        return None
    models = Counter(verbatim(call.model or "of an unknown name") for call in unpriced)
    named = ", ".join(f"{model} ({count:,})" for model, count in models.most_common(3))
    others = len(models) - 3
    return Finding(
        rule=rules.NO_PRICE,
        template=None,
        requests=len(unpriced),
        of_requests=len(reported),
        evidence=f"For {len(unpriced):,} of {counted(len(reported), 'request')} with reported usage, no price is "
        f"known: {named}" + (f" and {counted(others, 'other model')}." if others > 0 else "."),
    )


UNREPORTED: tuple[Callable[[str | None, Calls], Finding | None], ...] = (
    _usage_not_requested,
    _usage_not_reported,
    _stream_not_finished,
    _cache_not_reported,
    _cached_outside_input,
    _invalid_usage,
)
"""The functions that find these in the calls of a template."""
