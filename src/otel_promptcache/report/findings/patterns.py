"""Findings that only show across many calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from otel_promptcache.report.findings.finding import Finding, server_of
from otel_promptcache.report.findings.lifetimes import PriceOf, longer_lifetime_not_needed
from otel_promptcache.report.findings.orders import orders_that_differ
from otel_promptcache.report.findings.unreported import UNREPORTED, no_price
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.wording import counted, tokens, usd
from otel_promptcache.report.rules import patterns as rules
from otel_promptcache.report.rules.opt_in import MARKS_NOT_READ
from otel_promptcache.report.rules.places import LEADING, Place, place_of
from otel_promptcache.report.rules.server import Server

_FEW_WRITES = 3
_SURCHARGES = {None: 0.25, "5m": 0.25, "30m": 0.25, "1h": 1.0}
"""What writing costs on top of ordinary input, as a share of it, by lifetime, if the model's prices are not known.

Sources: Anthropic, pricing; OpenAI, prompt caching guide (checked 2026-11-25).
"""
_DISCOUNT = 0.9
"""The discount on tokens that are read, at most, as a share of the price of ordinary input."""

_FEW_READS = 5
_MOST = 0.6
_STEPS_UP = 0.75
_GROWTH = 1.5

_FEW_VARIANTS = 3
_VARIANTS_PER_REQUEST = 0.5

_HIT = "hit"

Calls = Sequence[CallRecord]
Groups = Mapping[str | None, Calls]


def pattern_findings(groups: Groups, price_of: PriceOf) -> Iterator[Finding]:
    """Find what no single call shows.

    Args:
        groups: The calls by template in chronological order, without those that failed.
        price_of: Returns what the tokens of a call cost.
    """
    for template, calls in groups.items():
        if (finding := longer_lifetime_not_needed(template, calls, price_of)) is not None:
            yield finding
        for find in _PATTERNS:
            if (finding := find(template, calls)) is not None:
                yield finding
    yield from orders_that_differ([call for calls in groups.values() for call in calls])
    if (finding := no_price([call for calls in groups.values() for call in calls])) is not None:
        yield finding


def _writes_not_read(template: str | None, calls: Calls) -> Finding | None:
    writes = [call for call in calls if call.write_tokens]
    if len(writes) < _FEW_WRITES:
        return None
    written = sum(call.write_tokens or 0 for call in writes)
    read = sum(call.read_tokens or 0 for call in calls)
    dollars = [call.net_usd for call in calls if call.net_usd is not None]
    net_usd = sum(dollars)
    server = server_of(writes)
    if net_usd >= 0 if dollars else not _is_surely_lost(writes, read, server):
        return None
    evidence = (
        f"{len(writes):,} of {counted(len(calls), 'request')} wrote {tokens(written)} tokens, and {tokens(read)} "
        f"were read: {read / written:.2f} per token written."
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
        server=server,
    )


def _is_surely_lost(writes: Calls, read_tokens: int, server: Server) -> bool:
    """Tell without prices whether writing cost more than reading saved; False if the server may write for free."""
    surcharges = [_SURCHARGES.get(call.write_ttl) for call in writes]
    if not server.policy.has_exact_boundaries or None in surcharges:
        return False
    extra = sum(
        (call.write_tokens or 0) * (each or 0.0) for call, each in zip(writes, surcharges, strict=True)
    )
    return read_tokens * _DISCOUNT < extra


def _constant_read(template: str | None, calls: Calls) -> Finding | None:
    reads = [call for call in calls if call.read_tokens and call.input_tokens and not _is_clean(call)]
    if len(reads) < _FEW_READS:
        return None
    read_tokens, count = Counter(call.read_tokens or 0 for call in reads).most_common(1)[0]
    same = [call for call in reads if call.read_tokens == read_tokens]
    inputs = [call.input_tokens or 0 for call in same]
    steps_up = sum(later > earlier for earlier, later in pairwise(inputs))
    is_growing = steps_up >= _STEPS_UP * (len(inputs) - 1) and inputs[-1] >= _GROWTH * inputs[0]
    # If the place of the difference is known, the finding about it says more.
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
    # A hit does no harm, and if the place of the difference is known, the finding about it says more.
    harmless = sum(call.result == _HIT or _changed_in_front(call) for call in calls)
    if not requests or harmless * 2 >= requests:
        return None
    return Finding(
        rule=rules.UNSTABLE_PREFIX,
        template=template,
        requests=requests,
        of_requests=len(calls),
        evidence=f"There were {counted(sum(map(len, unstable)), 'variant')} in {counted(requests, 'request')} "
        "(`promptcache.prefix.digest`).",
        place=Place.INSTRUCTIONS,
    )


def _changed_in_front(call: CallRecord) -> bool:
    return call.reason == "tools_changed" or (
        call.reason == "input_changed" and place_of(call.path) in LEADING
    )


_PATTERNS: tuple[Callable[[str | None, Calls], Finding | None], ...] = (
    _writes_not_read,
    _constant_read,
    _unstable_prefix,
    *UNREPORTED,
)
