"""Queries for the time to the first token, by model: it is not broken down by template."""

from __future__ import annotations

from collections.abc import Callable

from otel_promptcache.mixin.boards.selection import (
    OF_MODEL,
    STEP,
    Query,
    in_legend,
    in_range,
    per_second,
    summed,
)
from otel_promptcache.mixin.config import ENVIRONMENT, MixinConfig
from otel_promptcache.mixin.promql import any_of, select
from otel_promptcache.mixin.rules.increases import BUCKET
from otel_promptcache.mixin.series import RESULT, emitted, increment
from otel_promptcache.telemetry import names

_TTFT = names.TIME_TO_FIRST_TOKEN_DISTRIBUTION
_HIT, _NO_HIT = f'{RESULT}="hit"', f'{RESULT}=~"miss|partial"'


def _quantile(quantile: float, growth: Callable[[str], str], matcher: str) -> str:
    buckets, histograms = (select(increment(_TTFT, part), OF_MODEL, matcher) for part in (BUCKET, ""))
    return any_of(
        f"histogram_quantile({quantile}, {summed(growth(buckets), 'le')})",
        f"histogram_quantile({quantile}, {summed(growth(histograms))})",
    )


def of_range(legend: str, *, is_hit: bool) -> Query:
    """Median seconds to the first token in the range, of hits or of the others."""
    return Query(_quantile(0.5, in_range, _HIT if is_hit else _NO_HIT), legend, is_instant=True)


def over_time(quantile: float, legend: str, *, is_hit: bool) -> Query:
    """A quantile of the seconds to the first token over time, of hits or of the others."""
    return Query(_quantile(quantile, per_second, _HIT if is_hit else _NO_HIT), legend)


def exemplars(config: MixinConfig) -> Query:
    """The median over time by result, from the emitted series: recorded ones have no exemplars that lead to traces."""
    chosen = OF_MODEL.replace(ENVIRONMENT, config.environment_label, 1)
    rate = " or ".join(f"rate({one}{STEP})" for one in emitted(_TTFT, config, BUCKET, chosen))
    quantile = f"histogram_quantile(0.5, {summed(rate, RESULT, 'le')})"
    return Query(quantile, in_legend(RESULT), exemplars=True)
