"""What each process counted since the evaluation before: the one place that reads the emitted counters.

`increase` and `rate` do not see what a series begins with, and in a fleet that is a good part of everything. So each
evaluation records what was counted since the one before, and sums of that are exact: nothing is extrapolated.

A counter that grew counts by its growth, also over a gap of `gap_seconds`. One that fell has been reset, and counts
whole. A series that was not there counts whole if its process was: a first miss. It also counts if its process is
new. It does not if the process was there before, but not lately: what it counted in the meantime, nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.mixin.config import MixinConfig, Temporality
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
    (names.TOKENS, "", (STATE,)),
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
"""What is read, by which further labels. A histogram is there as buckets or, if it is exponential, as a whole."""


def process_keys(config: MixinConfig) -> tuple[str, ...]:
    """List the labels that tell processes apart."""
    return (*config.keep_labels, "job", "instance")


def increase_rules(config: MixinConfig) -> list[Recording]:
    """Record the processes, and what each of them counted since the evaluation before."""
    rules = [Recording(record=REPORTING, expr=_reporting(config))]
    if config.temporality is Temporality.CUMULATIVE:
        rules.append(Recording(record=OBSERVED, expr=_observed(config)))
    for metric, part, labels in _COUNTERS:
        rules += _increase(config, metric, part, labels)
    return [*rules, Recording(record=INSTANCES, expr=_instances(config))]


def with_template(spelled: Sequence[str]) -> str:
    """Label what was emitted with the name of its template, or else with its fingerprint."""
    expr = " or ".join(spelled)
    for label in (FINGERPRINT, PREFIX_NAME):
        expr = f'label_replace(\n{indent(expr)},\n  "{TEMPLATE}", "$1", "{label}", "(.+)"\n)'
    return expr


def _increase(config: MixinConfig, metric: Metric, part: str, labels: tuple[str, ...]) -> list[Recording]:
    keys = by((*process_keys(config), PROVIDER, MODEL, TEMPLATE, *labels))

    def summed(spelled: Sequence[str]) -> str:
        return f"sum {keys} (\n{indent(with_template(spelled))}\n)"

    record = increment(metric, part)
    if config.temporality is Temporality.DELTA:
        step = duration(config.evaluation_seconds)
        # An evaluation late, as samples need a moment to arrive.
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
    # Dollars are added up in any order, so a sum may be less by a rounding error without having been reset.
    has_grown = f"{before} <= {total} * {1 + _ROUNDING}"
    return f"clamp_min(\n  {total} - (\n    {has_grown}\n    or\n    0 * ({from_zero})\n  ),\n  0\n)"


def _histogram_growth(total: str, before: str, from_zero: str) -> str:
    """The same of histograms, of which only the counts can be compared."""
    has_grown = f"histogram_count({before}) <= histogram_count({total})"
    return f"{total} - {before} and {has_grown}\nor\n{from_zero}"


def _before(config: MixinConfig, recorded: str, seconds: int) -> str:
    """The last value before this evaluation, however late that was."""
    return (
        f"last_over_time({recorded}[{duration(seconds)}] offset {half_duration(config.evaluation_seconds)})"
    )


def _reporting(config: MixinConfig) -> str:
    return f"group {by(process_keys(config))} ({' or '.join(emitted(names.REQUESTS, config))})"


def _observed(config: MixinConfig) -> str:
    # Before the first evaluation nothing was recorded, but something may have been emitted.
    earlier = " or ".join(
        emitted(names.REQUESTS, config, at=f" offset {duration(config.fast_window_seconds)}")
    )
    new = (
        f"{REPORTING}\n"
        f"unless {_before(config, REPORTING, config.forget_seconds)}\n"
        f"unless on ({', '.join(process_keys(config))}) ({earlier})"
    )
    return f"{REPORTING} and {_before(config, REPORTING, config.gap_seconds)}\nor\n{new}"


def _instances(config: MixinConfig) -> str:
    """Count processes by version; without `target_info` all versions are one."""
    where = process_keys(config)
    requests = " or ".join(emitted(names.REQUESTS, config))
    versioned = f"target_info and on (job, instance) group {by(where)} ({requests})"
    # Some receivers put the version onto every series instead.
    others = f"group {by((*where, 'service_version'))} ({requests})"
    keys = (*config.keep_labels, "job", "service_version")
    return f"count {by(keys)} (\n  ({versioned})\n  or on (job, instance)\n  {others}\n)"
