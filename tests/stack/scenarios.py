"""Hours and weeks of traffic in a few lines, as input for `promtool test rules`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

JOB = "shop/api"
TEMPLATE = "support-bot"
_DISCOUNT_USD_PER_MTOK = 3.6
"""What a read saves against ordinary input, which costs 4 dollars here."""
_PROMPT_TOKENS, _CACHED_TOKENS = 2_000, 1_800
_BUCKETS = (0.08, 0.16, 0.32, 0.64, 1.28, 2.56, float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of steady traffic; all rates are per minute."""

    minutes: int
    hits: float = 0.0
    misses: float = 0.0
    unknown: float = 0.0
    ineligible: float = 0.0
    errors: float = 0.0
    written: float = 0.0
    surcharge_usd_per_mtok: float | None = 1.0
    """The extra cost of writing over ordinary input; None if no price is known."""
    variants: float = 0.0
    lost_usd: float = 0.0
    first_token_seconds: float = 0.1
    instance: str = "a"
    is_silent: bool = False
    """No process reports anything, not even that there is no traffic."""

    def lasting(self, minutes: int) -> Phase:
        """Return the same traffic with another duration."""
        return replace(self, minutes=minutes)

    def rates(self) -> dict[str, float]:
        """Return the growth per minute of each series, without its common labels."""
        results = {
            "hit": self.hits,
            "miss": self.misses,
            "unknown": self.unknown,
            "ineligible": self.ineligible,
        }
        prompts = self.hits + self.misses + self.ineligible
        read = self.hits * _CACHED_TOKENS
        states = {"read": read, "write": self.written, "uncached": prompts * _PROMPT_TOKENS - read}
        ttft = 'time_to_first_token_seconds_bucket{promptcache_result="hit",le='
        return {
            **{f'requests_total{{promptcache_result="{one}"': rate for one, rate in results.items()},
            'requests_total{promptcache_result="unknown",error_type="500"': self.errors,
            **{f'tokens_total{{promptcache_token_state="{one}"': rate for one, rate in states.items()},
            **{f'{ttft}"{_le(top)}"': self.hits * (self.first_token_seconds <= top) for top in _BUCKETS},
            **self._dollars(read),
            "prefix_variants_total{": self.variants,
            'missed_savings_total{promptcache_miss_reason="input_changed"': self.lost_usd,
        }

    def _dollars(self, read: float) -> dict[str, float]:
        surcharge = self.surcharge_usd_per_mtok
        if surcharge is None:
            return {}
        saved = {"savings_total{": read * _DISCOUNT_USD_PER_MTOK / 1e6}
        # As in real telemetry: no series of zeros.
        return {**saved, "write_surcharge_total{": self.written * surcharge / 1e6} if surcharge else saved


def _le(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)


def input_series(
    phases: Sequence[Phase], *, template: str = TEMPLATE, job: str = JOB
) -> list[dict[str, str]]:
    """Write the counters of all processes, each of which starts at zero and vanishes when it ends."""
    instances = dict.fromkeys(phase.instance for phase in phases)
    return [
        {
            "series": _selector(key, template, job, instance),
            "values": " ".join(_values(phases, key, instance)),
        }
        for instance in instances
        for key in phases[0].rates()
    ]


def _selector(key: str, template: str, job: str, instance: str) -> str:
    common = f'job="{job}",instance="{instance}",promptcache_prefix_name="{template}"'
    model = "" if key.startswith("prefix") else ',gen_ai_request_model="gpt-5.6"'
    return f"promptcache_{key}{'' if key.endswith('{') else ','}{common}{model}}}"


def _values(phases: Sequence[Phase], key: str, instance: str) -> Iterator[str]:
    total = 0.0
    for phase in phases:
        if phase.instance != instance or phase.is_silent:
            yield f"_x{phase.minutes}"
            continue
        step = phase.rates()[key]
        yield f"{total:g}+{step:g}x{phase.minutes - 1}" if phase.minutes > 1 else f"{total:g}"
        total = round(total + step * phase.minutes, 6)


def minutes_of(phases: Sequence[Phase]) -> int:
    """Return how long the phases take in total."""
    return sum(phase.minutes for phase in phases)


def ever_fired(phases: Sequence[Phase], alerts: Sequence[str], *, step_minutes: int = 1) -> dict[str, Any]:
    """Return a test that exactly these alerts fired during the phases.

    Args:
        phases: The traffic; each of its minutes stands for `step_minutes`.
        alerts: Names of alerts.
        step_minutes: The interval at which counters are read.
    """
    where = {
        name: "" if name.endswith(("Absent", "HitsSlow")) else f', template="{TEMPLATE}"' for name in alerts
    }
    end = (minutes_of(phases) - 1) * step_minutes
    ever = f'count_over_time(ALERTS{{alertstate="firing"}}[{end}m])'
    return {
        "interval": f"{step_minutes}m",
        "input_series": input_series(phases),
        "promql_expr_test": [
            {
                "expr": f"group by (alertname, job, template) ({ever})",
                "eval_time": f"{end}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}", job="{JOB}"{label}}}', "value": 1}
                    for name, label in where.items()
                ],
            }
        ],
    }
