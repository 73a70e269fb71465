"""The first rules understand every spelling; promtool has nothing to complain about, whatever the settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from otel_promptcache.mixin.config import DAY, HOUR, MINUTE, WEEK, MixinConfig, NameScheme
from otel_promptcache.mixin.render import render_rules
from tests.stack.promtool import run
from tests.stack.scenarios import JOB


@pytest.mark.parametrize("spelling", ["_total", ""])
@pytest.mark.parametrize("names", list(NameScheme))
def test_both_spellings_of_metrics_are_understood(
    names: NameScheme, spelling: str, promtool: str, tmp_path: Path
) -> None:
    understood = names is NameScheme.ANY or (names is NameScheme.SUFFIXES) == bool(spelling)
    series = (
        f'promptcache_requests{spelling}{{job="{JOB}",instance="a",promptcache_prefix_fingerprint="00ff"}}'
    )
    recorded = f'{{job="{JOB}", template="00ff", promptcache_prefix_fingerprint="00ff", instance="a"}}'
    name = "instance_template:promptcache_requests:sum"
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "7x5"}],
        "promql_expr_test": [
            {
                "expr": name,
                "eval_time": "5m",
                "exp_samples": [{"labels": f"{name}{recorded}", "value": 7}] if understood else [],
            }
        ],
    }
    run(promtool, tmp_path, MixinConfig(names=names), [test])


@pytest.mark.parametrize(
    ("info", "label", "version"),
    [(True, "", "1.4"), (False, ',service_version="1.5"', "1.5"), (False, "", "")],
)
def test_processes_are_counted_by_version(
    info: bool, label: str, version: str, promtool: str, tmp_path: Path
) -> None:
    where = f'job="{JOB}",instance="a"'
    series = [{"series": f"promptcache_requests_total{{{where}{label}}}", "values": "1x5"}]
    if info:
        series.append({"series": f'target_info{{{where},service_version="1.4"}}', "values": "1x5"})
    name = "job_version:promptcache_instances:count"
    labels = f'{name}{{job="{JOB}"' + (f', service_version="{version}"' if version else "") + "}"
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [
            {"expr": name, "eval_time": "5m", "exp_samples": [{"labels": labels, "value": 1}]}
        ],
    }
    run(promtool, tmp_path, MixinConfig(), [test])


def test_a_change_of_spelling_counts_nothing_twice(promtool: str, tmp_path: Path) -> None:
    labels = f'{{job="{JOB}",instance="a",promptcache_prefix_name="x"}}'
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f"promptcache_requests{labels}", "values": "0+1x30 _x30"},
            {"series": f"promptcache_requests_total{labels}", "values": "_x28 28+1x32"},
        ],
        "promql_expr_test": [
            {
                "expr": "sum(increase(instance_template:promptcache_requests:sum[30m]))",
                "eval_time": "45m",
                "exp_samples": [{"value": 30}],
            }
        ],
    }
    run(promtool, tmp_path, MixinConfig(), [test])


@pytest.mark.parametrize(
    "config",
    [
        MixinConfig(),
        MixinConfig(evaluation_seconds=10 * MINUTE, fast_window_seconds=HOUR, slow_window_seconds=3 * HOUR),
        MixinConfig(names=NameScheme.NO_SUFFIXES, selector='env="prod"', keep_labels=("cluster", "env")),
        MixinConfig(seasons_seconds=(DAY, WEEK, 2 * WEEK, 3 * WEEK), season_width_seconds=HOUR),
    ],
    ids=["default", "long", "labels", "seasons"],
)
def test_promtool_finds_nothing_to_complain_about(config: MixinConfig, promtool: str, tmp_path: Path) -> None:
    for name, text in render_rules(config).items():
        if name.startswith("prometheus/"):
            file = tmp_path / Path(name).name
            file.write_text(text, encoding="utf-8")
            subprocess.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", str(file)], check=True)
