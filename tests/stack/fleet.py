"""Many processes of one job, as input for `promtool test rules`: when each starts, what it counts, when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stack.scenarios import JOB, TEMPLATE

REQUESTS = 'promptcache_requests_total{promptcache_result="hit"'
LOST = 'promptcache_missed_savings_total{promptcache_miss_reason="tools_changed"'
VARIANTS = "promptcache_prefix_variants_total{"
MINHASH = "promptcache_prefix_minhash{"
FIRST_TOKEN = 'promptcache_time_to_first_token_seconds{promptcache_result="hit"'
FINGERPRINT = "00ff"


@dataclass(frozen=True, slots=True)
class Pod:
    """A process and its series, each with one value per minute from its start on, `_` for none."""

    instance: str
    start_minute: int
    series: Mapping[str, str] = field(default_factory=dict[str, str])

    def input_series(self) -> list[dict[str, str]]:
        """Return its series in promtool's format, with no values before it starts."""
        silence = f"_x{self.start_minute} " if self.start_minute else ""
        labels = f'job="{JOB}",instance="{self.instance}",promptcache_prefix_name="{TEMPLATE}"'
        labels += f',promptcache_prefix_fingerprint="{FINGERPRINT}"'
        return [
            {"series": f"{name}{'' if name.endswith('{') else ','}{labels}}}", "values": silence + values}
            for name, values in self.series.items()
        ]


def growing(first: float, step: float, minutes: int) -> str:
    """Write a counter that starts at a value and grows each minute."""
    return f"{first:g}+{step:g}x{minutes}"


def fleet_test(pods: Iterable[Pod], expected: Mapping[str, float], at_minute: int) -> dict[str, Any]:
    """Return a test of the values of expressions without labels; NaN says that there must be no value."""
    return {
        "interval": "1m",
        "input_series": [one for pod in pods for one in pod.input_series()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": f"{at_minute}m",
                "exp_samples": [] if value != value else [{"labels": "{}", "value": value}],  # noqa: PLR0124
            }
            for expr, value in expected.items()
        ],
    }


def fired(name: str, within_minutes: int) -> str:
    """Return an expression that is 1 if an alert ever fired, and nothing otherwise."""
    return f'group(count_over_time(ALERTS{{alertname="{name}",alertstate="firing"}}[{within_minutes}m]))'
