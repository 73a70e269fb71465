"""The first rules understand every spelling, and promtool accepts the rules of all settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from otel_promptcache.mixin.boards.dashboards import dashboards
from otel_promptcache.mixin.config import MixinConfig, NameScheme
from otel_promptcache.mixin.render import render_rules
from tests.mixin.settings import ODD, REFUSED_SELECTORS, SELECTORS, odd
from tests.stack.promtool import run
from tests.stack.scenarios import JOB
from tests.stack.services import write_yaml


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


@pytest.mark.parametrize("name", ODD)
def test_promtool_finds_nothing_to_complain_about(name: str, promtool: str, tmp_path: Path) -> None:
    for path, text in render_rules(odd(name)).items():
        if path.startswith("prometheus/"):
            file = tmp_path / Path(path).name
            file.write_text(text, encoding="utf-8")
            subprocess.run([promtool, "check", "rules", "--lint=all", "--lint-fatal", str(file)], check=True)


@pytest.mark.parametrize("name", ODD)
def test_promtool_reads_what_panels_and_annotations_ask(name: str, promtool: str, tmp_path: Path) -> None:
    values = {"$__rate_interval_ms": "60000", "$__rate_interval": "1m", "$__range": "1h"}
    rules: list[dict[str, str]] = []
    for board in dashboards(odd(name)):
        targets = [target for panel in board["panels"] for target in panel.get("targets", ())]
        for target in (*targets, *(one["target"] for one in board["annotations"]["list"])):
            expr = target["expr"]
            for variable, value in values.items():
                expr = expr.replace(variable, value)
            rules.append({"record": f"panel:{len(rules)}:query", "expr": expr})
    file = write_yaml(tmp_path / "rules.yaml", {"groups": [{"name": "panels", "rules": rules}]})
    subprocess.run([promtool, "check", "rules", "--lint=none", str(file)], check=True)


def is_read(promtool: str, selector: str, folder: Path) -> bool:
    rule = {"record": "job:requests:sum", "expr": f"promptcache_requests{{{selector}}}"}
    file = write_yaml(folder / "rules.yaml", {"groups": [{"name": "one", "rules": [rule]}]})
    return (
        subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, check=False).returncode
        == 0
    )


STRICTER = {'env="prod",', 'env="' + "x" * 5_000 + '"', 'env="prod"\n', 'env="a"} or on () vector(1) #'}
"""Prometheus accepts these, some of them as more than matchers."""


@pytest.mark.parametrize("selector", SELECTORS + [one for one in REFUSED_SELECTORS if one not in STRICTER])
def test_a_selector_is_refused_that_prometheus_does_not_read(
    selector: str, promtool: str, tmp_path: Path
) -> None:
    assert is_read(promtool, selector, tmp_path) is (selector in SELECTORS)
