"""What one call adds to the counters."""

from __future__ import annotations

from otel_promptcache.core.analyzer import CacheReport, CacheResult
from otel_promptcache.core.diagnosis.case import History
from otel_promptcache.core.money.usage import LifetimeTokens
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.metrics.counters import Count, Labels
from otel_promptcache.telemetry.metrics.series import Series

_MISSES = frozenset({CacheResult.MISS, CacheResult.PARTIAL})
_HISTORY_LABELS: dict[History, Labels] = {
    history: ((names.HISTORY.name, history.value),) for history in History
}


def counts_of(series: Series, report: CacheReport, errors: Labels) -> list[Count]:
    """Everything that is counted for a call; nothing for what was not reported.

    Args:
        series: The attribute sets of its model and template.
        report: How the call fared.
        errors: `error.type`, if it failed.
    """
    labels, cost, usage = series.labels, report.cost, report.usage
    counts: list[Count] = [
        (names.REQUESTS, 1, (*labels, (names.RESULT.name, report.result.value), *errors)),
    ]
    if usage.cache_read_tokens is not None and (uncached := usage.uncached_tokens) is not None:
        counts.append((names.TOKENS, usage.cache_read_tokens, series.read_labels))
        counts.append((names.TOKENS, uncached, series.uncached_labels))
        if usage.cache_write_tokens is not None:
            counts += _counts_of_writes(series, usage.cache_write_tokens, usage.written_by_lifetime)
        counts.append((names.VERDICTS, 1, _HISTORY_LABELS[report.diagnosis.history]))
    if cost is not None:
        counts.append((names.SAVINGS, cost.savings_usd, labels))
        if (
            cost.write_surcharge_usd
        ):  # most models charge nothing, and a series of zeros costs as much as any other
            counts.append((names.WRITE_SURCHARGE, cost.write_surcharge_usd, labels))
        counts.append((names.INPUT_COST, cost.input_cost_usd, labels))
    elif report.is_answered:
        counts.append((names.UNPRICED, 1, series.model_labels))
    if report.result in _MISSES:
        counts += _counts_of_miss(series, report)
    if report.prefix is not None and report.prefix.is_new_variant:
        counts.append((names.PREFIX_VARIANTS, 1, series.prefix_labels))
    return counts


def _counts_of_writes(series: Series, written: int, by_lifetime: LifetimeTokens | None) -> list[Count]:
    """Written tokens by lifetime; those of an unreported lifetime, and a reported 0, are counted without one."""
    counts: list[Count] = []
    for lifetime, tokens in by_lifetime or ():
        if tokens:
            written -= tokens
            labels = (*series.write_labels, (names.WRITE_TTL.name, lifetime))
            counts.append((names.TOKENS, tokens, labels))
    if written or not counts:
        counts.append((names.TOKENS, written, series.write_labels))
    return counts


def _counts_of_miss(series: Series, report: CacheReport) -> list[Count]:
    diagnosis = report.diagnosis
    if diagnosis.reason is None or diagnosis.source is None:
        return []
    source = (names.MISS_SOURCE.name, diagnosis.source.value)
    labels = (*series.labels, (names.MISS_REASON.name, diagnosis.reason.value))
    counts: list[Count] = [(names.MISSES, 1, (*labels, source))]
    # A cold start missed nothing: no series of zeros.
    if diagnosis.missed_tokens:
        counts.append((names.MISSED_TOKENS, diagnosis.missed_tokens, labels))
    if report.missed_savings_usd:
        counts.append((names.MISSED_SAVINGS, report.missed_savings_usd, labels))
    return counts
