"""Every alert against hours and weeks of traffic: when it fires, and that nights, deploys and weekends are no cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_promptcache.mixin.config import HOUR, MINUTE, MixinConfig
from tests.stack.promtool import run
from tests.stack.scenarios import JOB, TEMPLATE, Phase, ever_fired, input_series, minutes_of

DROPPED, OBJECTIVE = "PromptCacheHitRatioDropped", "PromptCacheHitRatioBelowObjective"
UNSTABLE, LOST, WRITES = "PromptCachePrefixUnstable", "PromptCacheDollarsLost", "PromptCacheWritesNeverRead"
SLOW, UNREPORTED, ABSENT = "PromptCacheHitsSlow", "PromptCacheUsageUnreported", "PromptCacheTelemetryAbsent"

LONG_STEP = 10
LONG = MixinConfig(
    evaluation_seconds=LONG_STEP * MINUTE,
    fast_window_seconds=30 * MINUTE,
    slow_window_seconds=2 * HOUR,
    warm_up_seconds=HOUR,
    absent_seconds=HOUR,
)
"""For weeks: fewer, longer steps. Seasons and floors are the default ones."""

HALF_DAY = Phase(minutes=8 * 60, hits=9.5, misses=0.5, variants=0.01)
BROKEN = Phase(minutes=75, misses=10)


class Case(NamedTuple):
    name: str
    phases: list[Phase]
    fired: list[str]


CASES = [
    Case(
        "a young template is somewhat worse than on its first day",
        [HALF_DAY, Phase(minutes=75, hits=4, misses=6)],
        [],
    ),
    Case("a template breaks", [HALF_DAY, BROKEN], [DROPPED]),
    Case("a template is as good as ever", [HALF_DAY, HALF_DAY.lasting(120)], []),
    Case(
        "a template breaks, and recovers within the warm-up",
        [HALF_DAY, BROKEN.lasting(50), HALF_DAY.lasting(90)],
        [],
    ),
    Case(
        "a deploy resets the cache, and it recovers within the warm-up",
        [
            HALF_DAY,
            Phase(minutes=12, misses=10, variants=1, instance="b"),
            Phase(minutes=100, hits=9.5, misses=0.5, instance="b"),
        ],
        [],
    ),
    Case(
        "a deploy breaks a template",
        [HALF_DAY, Phase(minutes=75, misses=10, instance="b")],
        [DROPPED],
    ),
    Case("a quiet night of nothing but expired prompts", [HALF_DAY, Phase(minutes=400, misses=0.4)], []),
    Case("a night without any traffic", [HALF_DAY, Phase(minutes=400)], []),
    Case("a new template warms up", [Phase(minutes=30, misses=10), Phase(minutes=120, hits=9, misses=1)], []),
    Case("a new template that was never any good", [Phase(minutes=150, misses=10)], [OBJECTIVE]),
    Case("prompts too short for any cache", [Phase(minutes=150, ineligible=10)], []),
    Case("errors say nothing about the cache", [HALF_DAY, Phase(minutes=90, errors=10)], []),
    Case(
        "a prefix that is new in each request", [Phase(minutes=60, hits=5, misses=5, variants=5)], [UNSTABLE]
    ),
    Case(
        "ten variants after a deploy", [Phase(minutes=5, hits=10, variants=2), Phase(minutes=90, hits=10)], []
    ),
    Case("many variants, but far more requests", [Phase(minutes=60, hits=100, variants=1)], []),
    Case("few requests, each a variant", [Phase(minutes=90, hits=0.2, variants=0.2)], []),
    Case("misses that cost much", [Phase(minutes=90, hits=5, misses=5, lost_usd=0.2)], [LOST]),
    Case("misses that cost little", [Phase(minutes=90, hits=5, misses=5, lost_usd=0.05)], []),
    Case(
        "misses that cost much, but only just after a deploy",
        [Phase(minutes=10, hits=5, misses=5, lost_usd=1), Phase(minutes=90, hits=10)],
        [],
    ),
    Case("writes that nobody reads", [Phase(minutes=180, misses=2, written=4_000)], [WRITES, OBJECTIVE]),
    Case(
        "writes for an hour, half of which are read: too few for what they cost",
        [Phase(minutes=180, hits=1, misses=1, written=3_600, surcharge_usd_per_mtok=4)],
        [WRITES],
    ),
    Case(
        "writes for five minutes, half of which are read: enough for what they cost",
        [Phase(minutes=180, hits=1, misses=1, written=3_600)],
        [],
    ),
    Case(
        "writes that nobody reads and that cost nothing",
        [Phase(minutes=180, misses=2, written=4_000, surcharge_usd_per_mtok=0)],
        [OBJECTIVE],
    ),
    Case(
        "writes that nobody reads, and nobody knows what they cost",
        [Phase(minutes=180, misses=2, written=4_000, surcharge_usd_per_mtok=None)],
        [OBJECTIVE],
    ),
    Case("writes that are read", [Phase(minutes=180, hits=9, misses=1, written=2_000)], []),
    Case("few writes that nobody reads", [Phase(minutes=180, misses=0.3, written=600)], []),
    Case("hits as slow as misses", [HALF_DAY, Phase(minutes=75, hits=10, first_token_seconds=2)], [SLOW]),
    Case("hits a little slower", [HALF_DAY, Phase(minutes=75, hits=10, first_token_seconds=0.16)], []),
    Case("a few slow hits at night", [HALF_DAY, Phase(minutes=120, hits=0.3, first_token_seconds=2)], []),
    Case("a third of the usage is not reported", [Phase(minutes=90, hits=6, unknown=3)], [UNREPORTED]),
    Case("hardly any usage is not reported", [Phase(minutes=90, hits=60, unknown=3)], []),
    Case("the few requests of a night report no usage", [Phase(minutes=90, unknown=0.4)], []),
]

WORKDAY, SATURDAY = Phase(minutes=144, hits=95, misses=5), Phase(minutes=144, hits=40, misses=60)
TWO_WEEKS = [*[WORKDAY] * 5, SATURDAY, SATURDAY] * 2
SILENCE = Phase(minutes=30, is_silent=True)

LONG_CASES = [
    Case("weekends are as poor as they always were", [*TWO_WEEKS, *[WORKDAY] * 5, SATURDAY], []),
    Case("it breaks on the Monday after a poor weekend", [*TWO_WEEKS, SATURDAY.lasting(36)], [DROPPED]),
    Case(
        "it breaks, though it was broken at this time a week ago, too",
        [
            *[WORKDAY] * 7,
            BROKEN.lasting(24),
            WORKDAY.lasting(120),
            *[WORKDAY] * 6,
            Phase(minutes=24, misses=100),
        ],
        [DROPPED, OBJECTIVE],
    ),
    Case("a job falls silent", [*[WORKDAY] * 8, SILENCE], [ABSENT]),
    Case(
        "a job falls silent each night",
        [*[WORKDAY.lasting(72), SILENCE.lasting(72)] * 9],
        [],
    ),
    Case("a job that is young falls silent", [*[WORKDAY] * 2, SILENCE], []),
    Case("a job without traffic", [*[WORKDAY] * 8, Phase(minutes=100)], []),
]
"""Here a `Phase` counts steps of ten minutes, and its rates are per step."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_the_right_alerts_fire(case: Case, promtool: str, tmp_path: Path) -> None:
    run(promtool, tmp_path, MixinConfig(), [ever_fired(case.phases, case.fired)])


@pytest.mark.parametrize("case", LONG_CASES, ids=lambda case: case.name)
def test_exactly_the_right_alerts_fire_over_weeks(case: Case, promtool: str, tmp_path: Path) -> None:
    run(promtool, tmp_path, LONG, [ever_fired(case.phases, case.fired, step_minutes=LONG_STEP)])


def test_every_alert_is_in_a_case_that_fires_and_in_one_that_does_not() -> None:
    names = {DROPPED, OBJECTIVE, UNSTABLE, LOST, WRITES, SLOW, UNREPORTED, ABSENT}
    assert names == {name for case in CASES + LONG_CASES for name in case.fired}


def alert_at(phases: list[Phase], name: str, severity: str, summary: str, description: str) -> dict[str, Any]:
    page = "".join(f"-{one.lower()}" if one.isupper() else one for one in name.removeprefix("PromptCache"))
    return {
        "interval": "1m",
        "input_series": input_series(phases),
        "alert_rule_test": [
            {
                "alertname": name,
                "eval_time": f"{minutes_of(phases) - 1}m",
                "exp_alerts": [
                    {
                        "exp_labels": {"job": JOB, "template": TEMPLATE, "severity": severity},
                        "exp_annotations": {
                            "summary": summary,
                            "description": description,
                            "runbook_url": f"{MixinConfig().runbooks}/{page.lstrip('-')}.md",
                        },
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize("label", ["deployment_environment_name", "env"])
def test_environments_of_one_job_are_told_apart(label: str, promtool: str, tmp_path: Path) -> None:
    def of(environment: str, *phases: Phase) -> list[dict[str, str]]:
        return [
            {**one, "series": one["series"].replace('job="', f'{label}="{environment}",job="')}
            for one in input_series(phases)
        ]

    where = f'deployment_environment_name="prod", job="{JOB}", template="{TEMPLATE}"'
    minutes = minutes_of([HALF_DAY, BROKEN]) - 1
    test = {
        "interval": "1m",
        "input_series": [*of("test", HALF_DAY, HALF_DAY.lasting(75)), *of("prod", HALF_DAY, BROKEN)],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname, deployment_environment_name, job, template) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": f'{{alertname="{DROPPED}", {where}}}', "value": 1}],
            },
            {
                "expr": f'count(job_template:promptcache_hit_ratio:ratio1h{{template="{TEMPLATE}"}})',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"value": 2}],
            },
        ],
    }
    run(promtool, tmp_path, MixinConfig(environment_label=label), [test])


def test_an_alert_names_the_address_of_its_template(promtool: str, tmp_path: Path) -> None:
    config = MixinConfig(grafana_url="https://grafana.example.org")
    test = alert_at(
        [Phase(minutes=120, hits=5, misses=5, lost_usd=0.2)],
        LOST,
        "warning",
        "Cache misses of support-bot in shop/api cost more than the configured limit.",
        "In the last 1h, misses of support-bot cost 12.00 US dollars more than reading the same tokens from the "
        "prompt cache would have; the limit is 5 per hour.",
    )
    test["alert_rule_test"][0]["exp_alerts"][0]["exp_annotations"]["dashboard_url"] = (
        "https://grafana.example.org/d/promptcache-template?from=now-6h&to=now&var-job=shop%2Fapi"
        "&var-template=support-bot"
    )
    run(promtool, tmp_path, config, [test])


def test_what_the_operator_is_told(promtool: str, tmp_path: Path) -> None:
    tests = [
        alert_at(
            [HALF_DAY, BROKEN],
            DROPPED,
            "critical",
            "The prompt cache hit ratio of support-bot in shop/api has dropped.",
            "0% of the input tokens of support-bot were read from the prompt cache in the last 1h; 85.5% is usual at "
            "this time. The drop has lasted longer than a cache takes to warm up. Something at the start of the prompt "
            "probably changes with every request now.",
        ),
        alert_at(
            [Phase(minutes=120, hits=5, misses=5, variants=5)],
            UNSTABLE,
            "warning",
            "The start of the prompts of support-bot in shop/api keeps changing.",
            "The leading part of support-bot had 300 different texts in 600 requests in the last 1h. A prompt cache only "
            "reads what starts with exactly the same text: look for a date, an id, or a list without a fixed order, such "
            "as one that depends on the hash seed.",
        ),
        alert_at(
            [Phase(minutes=120, hits=5, misses=5, lost_usd=0.2)],
            LOST,
            "warning",
            "Cache misses of support-bot in shop/api cost more than the configured limit.",
            "In the last 1h, misses of support-bot cost 12.00 US dollars more than reading the same tokens from the "
            "prompt cache would have; the limit is 5 per hour.",
        ),
        alert_at(
            [Phase(minutes=180, hits=1, misses=1, written=3_600, surcharge_usd_per_mtok=40)],
            WRITES,
            "warning",
            "Prompt cache writes of support-bot in shop/api are read too rarely to pay for themselves.",
            "In the last 1h, support-bot wrote 216000 tokens to the prompt cache and read 108000. Writing cost 8.25 US "
            "dollars more than reading saved, so it would be cheaper without caching.",
        ),
    ]
    run(promtool, tmp_path, MixinConfig(), tests)
