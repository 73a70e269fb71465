"""What each process counted since the previous evaluation: the only place that reads the emitted counters.

`increase` and `rate` miss the first value of a series, which in a fleet is a good part of the total. So each
evaluation records what was counted since the previous one, and sums of that are exact: nothing is extrapolated.

A counter that grew adds its growth, even across a gap of `gap_seconds`. One that fell was reset, and adds its whole
value. A new series adds its whole value if its process was already there, as with a first miss, or is new itself. It
does not if the process was there before, but not lately: what it counted in the meantime is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.mixin.config import ENVIRONMENT, MixinConfig, Temporality
from otel_promptcache.mixin.durations import duration, half_duration
from otel_promptcache.mixin.promql import by, indent
from otel_promptcache.mixin.rules.rule import Recording
from otel_promptcache.mixin.series import (
    ERROR_TYPE,
    FINGERPRINT,
    HISTORY,
    INSTANCES,
    MODEL,
    OBSERVED,
    OUTCOME,
    PREFIX_NAME,
    PROVIDER,
    REASON,
    REPORTING,
    RESULT,
    SOURCE,
    STATE,
    TEMPLATE,
    WRITE_TTL,
    Metric,
    counter,
    emitted,
    increment,
)
from otel_promptcache.telemetry import names

BUCKET = "_bucket"
_ROUNDING = 1e-9

_COUNTERS: tuple[tuple[Metric, str, tuple[str, ...]], ...] = (
    (names.REQUESTS, "", (FINGERPRINT, RESULT, ERROR_TYPE)),
    (names.TOKENS, "", (STATE, WRITE_TTL)),
    (names.SAVINGS, "", ()),
    (names.WRITE_SURCHARGE, "", ()),
    (names.INPUT_COST, "", ()),
    (names.MISSES, "", (REASON, SOURCE)),
    (names.MISSED_TOKENS, "", (REASON,)),
    (names.MISSED_SAVINGS, "", (REASON,)),
    (names.PREFIX_VARIANTS, "", ()),
    (names.UNPRICED, "", ()),
    (names.VERDICTS, "", (HISTORY,)),
    (names.FLEET_OPERATIONS, "", (OUTCOME,)),
    (names.TIME_TO_FIRST_TOKEN_DISTRIBUTION, BUCKET, (RESULT, "le")),
    (names.TIME_TO_FIRST_TOKEN_DISTRIBUTION, "", (RESULT,)),
)
"""The metrics that are read, and their further labels. A histogram has buckets or, if exponential, is one series."""


def process_keys(config: MixinConfig) -> tuple[str, ...]:
    """List the labels that distinguish processes."""
    return (*config.job_labels, "job", "instance")


def increase_rules(config: MixinConfig) -> list[Recording]:
    """Record the processes, and what each of them counted since the previous evaluation."""
    rules = [Recording(record=REPORTING, expr=_reporting(config))]
    if config.temporality is Temporality.CUMULATIVE:
        rules.append(Recording(record=OBSERVED, expr=_observed(config)))
    for metric, part, labels in _COUNTERS:
        rules += _increase(config, metric, part, labels)
    return [*rules, Recording(record=INSTANCES, expr=_instances(config))]


def with_environment(spelled: Sequence[str], config: MixinConfig) -> str:
    """Label what was emitted with its environment, if that is in a label other than OpenTelemetry's."""
    expr = " or ".join(spelled)
    if config.environment_label == ENVIRONMENT:
        return expr
    return _labelled(expr, ENVIRONMENT, config.environment_label)


def with_template(spelled: Sequence[str], config: MixinConfig) -> str:
    """Label what was emitted with the name of its template, or else with its fingerprint."""
    expr = with_environment(spelled, config)
    for label in (FINGERPRINT, PREFIX_NAME):
        expr = _labelled(expr, TEMPLATE, label)
    return expr


def _labelled(expr: str, label: str, source: str) -> str:
    return f'label_replace(\n{indent(expr)},\n  "{label}", "$1", "{source}", "(.+)"\n)'


def _increase(config: MixinConfig, metric: Metric, part: str, labels: tuple[str, ...]) -> list[Recording]:
    keys = by((*process_keys(config), PROVIDER, MODEL, TEMPLATE, *labels))

    def summed(spelled: Sequence[str]) -> str:
        return f"sum {keys} (\n{indent(with_template(spelled, config))}\n)"

    record = increment(metric, part)
    if config.temporality is Temporality.DELTA:
        step = duration(config.evaluation_seconds)
        # One evaluation late, as samples need a moment to arrive.
        spelled = emitted(metric, config, part, at=f"[{step}] offset {step}")
        return [Recording(record=record, expr=summed([f"sum_over_time({one})" for one in spelled]))]
    total = counter(metric, part)
    is_whole_histogram = metric.instrument is names.Instrument.HISTOGRAM and not part
    grown = _histogram_growth if is_whole_histogram else _growth
    before = _before(config, total, config.gap_seconds)
    from_zero = f"{total} and on ({', '.join(process_keys(config))}) {OBSERVED}"
    return [
        Recording(record=total, expr=summed(emitted(metric, config, part))),
        Recording(record=record, expr=grown(total, before, from_zero)),
    ]


def _growth(total: str, before: str, from_zero: str) -> str:
    # Dollars are added up in any order, so a sum may fall by a rounding error without a reset.
    has_grown = f"{before} <= {total} * {1 + _ROUNDING}"
    return f"clamp_min(\n  {total} - (\n    {has_grown}\n    or\n    0 * ({from_zero})\n  ),\n  0\n)"


def _histogram_growth(total: str, before: str, from_zero: str) -> str:
    """The same for histograms, of which only the counts can be compared."""
    has_grown = f"histogram_count({before}) <= histogram_count({total})"
    return f"{total} - {before} and {has_grown}\nor\n{from_zero}"


def _before(config: MixinConfig, recorded: str, seconds: int) -> str:
    """The last value before this evaluation, however late this one is."""
    return (
        f"last_over_time({recorded}[{duration(seconds)}] offset {half_duration(config.evaluation_seconds)})"
    )


def _reporting(config: MixinConfig) -> str:
    return f"group {by(process_keys(config))} ({with_environment(emitted(names.REQUESTS, config), config)})"


def _observed(config: MixinConfig) -> str:
    # Before the first evaluation nothing was recorded, but something may have been emitted.
    earlier = with_environment(
        emitted(names.REQUESTS, config, at=f" offset {duration(config.fast_window_seconds)}"), config
    )
    new = (
        f"{REPORTING}\n"
        f"unless {_before(config, REPORTING, config.forget_seconds)}\n"
        f"unless on ({', '.join(process_keys(config))}) ({earlier})"
    )
    return f"{REPORTING} and {_before(config, REPORTING, config.gap_seconds)}\nor\n{new}"


def _instances(config: MixinConfig) -> str:
    """Count processes by version; without `target_info`, all count as one version."""
    where = process_keys(config)
    requests = with_environment(emitted(names.REQUESTS, config), config)
    versioned = f"target_info and on (job, instance) group {by(where)} ({requests})"
    # Some receivers put the version onto every series instead.
    others = f"group {by((*where, 'service_version'))} ({requests})"
    keys = (*config.job_labels, "job", "service_version")
    return f"count {by(keys)} (\n  ({versioned})\n  or on (job, instance)\n  {others}\n)"
