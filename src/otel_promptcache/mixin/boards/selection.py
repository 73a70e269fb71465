"""How panels select recorded series by the dashboards' variables, and how they aggregate them."""

from __future__ import annotations

from dataclasses import dataclass

from otel_promptcache.mixin.config import ENVIRONMENT
from otel_promptcache.mixin.promql import by, select
from otel_promptcache.mixin.series import MODEL, PROVIDER, TEMPLATE, Metric, increment

STEP = "[$__rate_interval]"
STEP_MILLISECONDS = "$__rate_interval_ms"
RANGE = "[$__range]"
OF_ENVIRONMENT = f'{ENVIRONMENT}=~"$environment"'
JOB = f'{OF_ENVIRONMENT}, job=~"$job"'
PROCESS = f'{JOB}, instance=~"$instance"'
OF_TEMPLATE = f'{JOB}, {TEMPLATE}=~"$template"'
OF_PROVIDER = f'{PROCESS}, {PROVIDER}=~"$provider"'
OF_MODEL = f'{OF_PROVIDER}, {MODEL}=~"$model"'
CHOSEN = f'{OF_MODEL}, {TEMPLATE}=~"$template"'


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and the name of its series in a legend."""

    expr: str
    legend: str
    is_instant: bool = False
    """Whether it covers the selected range as a whole."""
    exemplars: bool = False


def rate(metric: Metric, *matchers: str, offset: str = "") -> str:
    """Growth per second."""
    return per_second(select(increment(metric), CHOSEN, *matchers), offset)


def increase(metric: Metric, *matchers: str, offset: str = "") -> str:
    """Growth in the selected range."""
    return in_range(select(increment(metric), CHOSEN, *matchers), offset)


def per_second(increments: str, offset: str = "") -> str:
    """Turn recorded increments into growth per second; their `rate` would miss the start of each series."""
    return f"1000 * sum_over_time({increments}{STEP}{offset}) / {STEP_MILLISECONDS}"


def in_range(increments: str, offset: str = "") -> str:
    """Add recorded increments up over the selected range."""
    return f"sum_over_time({increments}{RANGE}{offset})"


def summed(expr: str, *labels: str) -> str:
    """Sum, by labels if there are any."""
    return f"sum {by(labels)} ({expr})" if labels else f"sum({expr})"


def ratio(part: str, whole: str, *labels: str) -> str:
    """Divide sums; no value, rather than 0, if the denominator is 0."""
    return f"{summed(part, *labels)} / ({summed(whole, *labels)} > 0)"


def in_legend(label: str) -> str:
    """Name a series by the value of its label."""
    return f"{{{{{label}}}}}"
