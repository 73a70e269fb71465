"""How panels select recorded series by the dashboards' variables, and the few ways to add them up."""

from __future__ import annotations

from dataclasses import dataclass

from otel_promptcache.mixin.promql import by, select
from otel_promptcache.mixin.series import MODEL, TEMPLATE, Metric, increment

STEP = "[$__rate_interval]"
STEP_MILLISECONDS = "$__rate_interval_ms"
RANGE = "[$__range]"
JOB = 'job=~"$job"'
PROCESS = f'{JOB}, instance=~"$instance"'
OF_TEMPLATE = f'{JOB}, {TEMPLATE}=~"$template"'
OF_MODEL = f'{PROCESS}, {MODEL}=~"$model"'
CHOSEN = f'{OF_MODEL}, {TEMPLATE}=~"$template"'


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and how its series are called in a legend."""

    expr: str
    legend: str
    is_instant: bool = False
    """Whether it is about the selected range as a whole."""
    exemplars: bool = False


def rate(metric: Metric, *matchers: str, offset: str = "") -> str:
    """Growth per second."""
    return per_second(select(increment(metric), CHOSEN, *matchers), offset)


def increase(metric: Metric, *matchers: str, offset: str = "") -> str:
    """Growth in the selected range."""
    return in_range(select(increment(metric), CHOSEN, *matchers), offset)


def per_second(increments: str, offset: str = "") -> str:
    """Turn recorded increments into a growth per second; a `rate` of them would see no series begin."""
    return f"1000 * sum_over_time({increments}{STEP}{offset}) / {STEP_MILLISECONDS}"


def in_range(increments: str, offset: str = "") -> str:
    """Add recorded increments up over the selected range."""
    return f"sum_over_time({increments}{RANGE}{offset})"


def summed(expr: str, *labels: str) -> str:
    """Sum, by labels if there are any."""
    return f"sum {by(labels)} ({expr})" if labels else f"sum({expr})"


def ratio(part: str, whole: str, *labels: str) -> str:
    """Divide sums; where there is nothing to divide by there is no value, not a 0."""
    return f"{summed(part, *labels)} / ({summed(whole, *labels)} > 0)"


def in_legend(label: str) -> str:
    """Name a series by the value of its label."""
    return f"{{{{{label}}}}}"
