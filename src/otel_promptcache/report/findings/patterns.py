"""Findings that show only in many calls together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from otel_promptcache.report.findings.finding import Finding, server_of
from otel_promptcache.report.findings.orders import orders_that_differ
from otel_promptcache.report.reading.record import UNKNOWN, CallRecord
from otel_promptcache.report.rendering.wording import counted, tokens, usd, verbatim
from otel_promptcache.report.rules import patterns as rules
from otel_promptcache.report.rules.opt_in import HOUR_NOT_NEEDED, MARKS_NOT_READ
from otel_promptcache.report.rules.places import LEADING, Place, place_of
from otel_promptcache.report.rules.rule import Rule

_FEW_WRITES = 3
_BREAK_EVEN_READS = 0.25 / 0.9
"""Tokens to be read for each that is written, at a surcharge of 25 % and a discount of 90 %."""

_SHORT_LIFETIME_SECONDS = 300
"""Of an entry that was not written for an hour."""

_FEW_READS = 5
_MOST = 0.6
_STEPS_UP = 0.75
_GROWTH = 1.5

_FEW_VARIANTS = 3
_VARIANTS_PER_REQUEST = 0.5

_HIT = "hit"

_NOTICEABLE = 0.05

_CHAT_APIS = frozenset({"chat_completions", None})
"""`openai.api.type` of the APIs whose streams have to be asked for usage; the older completions have none."""

Calls = Sequence[CallRecord]
Groups = Mapping[str | None, Calls]


def pattern_findings(groups: Groups) -> Iterator[Finding]:
    """Find what no single call shows.

    Args:
        groups: The calls by template in the order of time, without those that failed.
    """
    for template, calls in groups.items():
        for find in _PATTERNS:
            if (finding := find(template, calls)) is not None:
                yield finding
    yield from orders_that_differ([call for calls in groups.values() for call in calls])
    if (finding := _no_price([call for calls in groups.values() for call in calls])) is not None:
        yield finding


def _writes_not_read(template: str | None, calls: Calls) -> Finding | None:
    writes = [call for call in calls if call.write_tokens]
    if len(writes) < _FEW_WRITES:
        return None
    written = sum(call.write_tokens or 0 for call in writes)
    read = sum(call.read_tokens or 0 for call in calls)
    dollars = [call.net_usd for call in calls if call.net_usd is not None]
    net_usd = sum(dollars)
    if net_usd >= 0 if dollars else read >= written * _BREAK_EVEN_READS:
        return None
    evidence = (
        f"{counted(len(writes), 'request')} of {len(calls):,} wrote {tokens(written)} tokens, and {tokens(read)} "
        f"were read: {read / written:.2f} for each that was written."
    )
    if dollars:
        evidence += f" The writes cost {usd(-net_usd)} more than the reads saved."
    return Finding(
        rule=MARKS_NOT_READ if writes[-1].is_opt_in else rules.WRITES_NOT_READ,
        template=template,
        requests=len(writes),
        of_requests=len(calls),
        evidence=evidence,
        lost_usd=-net_usd if dollars else None,
        lost_tokens=max(0, written - read),
        server=server_of(writes),
    )


def _hour_not_needed(template: str | None, calls: Calls) -> Finding | None:
    """Writes for an hour, though the requests follow each other closely."""
    writes = [call for call in calls if call.write_tokens and call.write_ttl == "1h" and call.is_opt_in]
    pauses = [later.started_seconds - earlier.started_seconds for earlier, later in pairwise(calls)]
    if len(writes) < _FEW_WRITES or not pauses or max(pauses) > _SHORT_LIFETIME_SECONDS:
        return None
    return Finding(
        rule=HOUR_NOT_NEEDED,
        template=template,
        requests=len(writes),
        of_requests=len(calls),
        evidence=f"{counted(len(writes), 'request')} of {len(calls):,} wrote "
        f"{tokens(sum(call.write_tokens or 0 for call in writes))} tokens for an hour, and the longest pause between "
        f"two requests was {max(pauses):,.0f} seconds.",
        server=server_of(writes),
    )


def _constant_read(template: str | None, calls: Calls) -> Finding | None:
    reads = [call for call in calls if call.read_tokens and call.input_tokens and not _is_clean(call)]
    if len(reads) < _FEW_READS:
        return None
    read_tokens, count = Counter(call.read_tokens or 0 for call in reads).most_common(1)[0]
    same = [call for call in reads if call.read_tokens == read_tokens]
    inputs = [call.input_tokens or 0 for call in same]
    steps_up = sum(later > earlier for earlier, later in pairwise(inputs))
    is_growing = steps_up >= _STEPS_UP * (len(inputs) - 1) and inputs[-1] >= _GROWTH * inputs[0]
    # Where the place of the difference is known, the finding about it says more.
    explained = sum(call.path is not None or call.breakpoint_path is not None for call in same)
    is_explained = explained * 2 >= len(same)
    if count < max(_FEW_READS, _MOST * len(reads)) or not is_growing or is_explained:
        return None
    return Finding(
        rule=rules.CONSTANT_READ,
        template=template,
        requests=count,
        of_requests=len(calls),
        evidence=f"{count:,} of {counted(len(calls), 'request')} read exactly {tokens(read_tokens)} tokens, while "
        f"the prompt grew from {tokens(inputs[0])} to {tokens(inputs[-1])}.",
        token=read_tokens,
    )


def _is_clean(call: CallRecord) -> bool:
    """It was diagnosed and nothing was lost, so what is not cached is simply new."""
    return call.expected_tokens is not None and call.reason is None


def _unstable_prefix(template: str | None, calls: Calls) -> Finding | None:
    digests: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for call in calls:
        if call.fingerprint and call.digest:
            digests[call.fingerprint][call.digest] += 1
    unstable = [
        variants
        for variants in digests.values()
        if len(variants) >= max(_FEW_VARIANTS, _VARIANTS_PER_REQUEST * variants.total())
    ]
    requests = sum(variants.total() for variants in unstable)
    # What is read all the same does no harm, and where the place of the difference is known, the finding about it
    # says more.
    harmless = sum(call.result == _HIT or _changed_in_front(call) for call in calls)
    if not requests or harmless * 2 >= requests:
        return None
    return Finding(
        rule=rules.UNSTABLE_PREFIX,
        template=template,
        requests=requests,
        of_requests=len(calls),
        evidence=f"{counted(sum(map(len, unstable)), 'variant')} of it in {counted(requests, 'request')} "
        f"(`promptcache.prefix.digest`).",
        place=Place.INSTRUCTIONS,
    )


def _changed_in_front(call: CallRecord) -> bool:
    return call.reason == "tools_changed" or (
        call.reason == "input_changed" and place_of(call.path) in LEADING
    )


def _usage_not_requested(template: str | None, calls: Calls) -> Finding | None:
    silent = [call for call in calls if _is_silent_stream(call) and not _was_left(call)]
    return _unknown(rules.USAGE_NOT_REQUESTED, template, silent, calls)


def _stream_not_finished(template: str | None, calls: Calls) -> Finding | None:
    left = [call for call in calls if _is_silent_stream(call) and _was_left(call)]
    return _unknown(rules.STREAM_NOT_FINISHED, template, left, calls)


def _is_silent_stream(call: CallRecord) -> bool:
    # A stream of the Responses API that was seen to its end has reported its usage.
    is_asked_for = call.api_type in _CHAT_APIS or _was_left(call)
    return call.is_stream and call.result == UNKNOWN and call.input_tokens is None and is_asked_for


def _was_left(call: CallRecord) -> bool:
    """Tell whether it ended before its usage could come, be it in front of the last event or behind it."""
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
    share = f"All figures of this template are of the other {counted(good, 'request')}." if good else ""
    return Finding(
        rule=rule,
        template=template,
        requests=len(bad),
        of_requests=len(calls),
        evidence=f"It shows in {len(bad):,} of {counted(len(calls), 'request')}. {share}".rstrip(),
    )


def _unknown(rule: Rule, template: str | None, unknown: Calls, calls: Calls) -> Finding | None:
    if len(unknown) <= _NOTICEABLE * len(calls):
        return None
    return Finding(
        rule=rule,
        template=template,
        requests=len(unknown),
        of_requests=len(calls),
        evidence=f"It shows in {len(unknown):,} of {counted(len(calls), 'request')}.",
    )


def _no_price(calls: Calls) -> Finding | None:
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
        evidence=f"{len(unpriced):,} of {counted(len(reported), 'request')} with reported usage: {named}"
        + (f" and {counted(others, 'other model')}." if others > 0 else "."),
    )


_PATTERNS: tuple[Callable[[str | None, Calls], Finding | None], ...] = (
    _writes_not_read,
    _hour_not_needed,
    _constant_read,
    _unstable_prefix,
    _usage_not_requested,
    _stream_not_finished,
    _cache_not_reported,
    _cached_outside_input,
    _invalid_usage,
)
