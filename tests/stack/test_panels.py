"""Every query of every panel, run on a real Prometheus that received real traffic."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_promptcache.demo.run import local_provider
from otel_promptcache.demo.traffic import Traffic
from otel_promptcache.mixin.boards.dashboards import dashboards
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.render import render_rules
from otel_promptcache.sim.workloads import SUPPORT_BOT, TENANT_MAIL, WORKLOADS
from tests.stack.services import Service, get_json, prometheus, receiver
from tests.stack.telemetry import JOB, VERSION, instrumented, otlp_reader

TRAFFIC_SECONDS = 24
COMPRESSED = MixinConfig(
    earlier_seconds=(4, 8),
    evaluation_seconds=1,
    fast_window_seconds=4,
    slow_window_seconds=8,
    recent_seconds=10,
    min_recent_seconds=3,
    min_requests_slow=4,
    warm_up_seconds=6,
)
"""A day is 4 seconds and a week is 8; windows are as short."""

DOLLARS, SHARE, SECONDS, PER_SECOND = (-1e3, 1e4), (0.0, 1.0), (0.001, 60.0), (0.0, 1e6)
PLAUSIBLE = {
    "currencyUSD": DOLLARS,
    "percentunit": SHARE,
    "s": SECONDS,
    "short": (0.0, 1e6),
    "reqps": PER_SECOND,
    "ops": PER_SECOND,
    "si:tok/s": PER_SECOND,
}


class Seeded(NamedTuple):
    server: Service
    end: float


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    folder = tmp_path_factory.mktemp("seeded")
    rules: list[Path] = []
    for name, text in render_rules(COMPRESSED).items():
        if name.startswith("prometheus/"):
            rules.append(folder / Path(name).name)
            rules[-1].write_text(text, encoding="utf-8")
    with (
        prometheus(folder, rule_files=rules) as server,
        receiver(folder, server.url, promoted=["service.version"]) as agent,
    ):
        with (
            local_provider(TRAFFIC_SECONDS, 0) as provider,
            instrumented(otlp_reader(agent.url, seconds=0.5), fleet=folder / "fleet.db"),
        ):
            with Traffic(provider.url, WORKLOADS, seconds=TRAFFIC_SECONDS, seed=0) as traffic:
                traffic.wait()
            time.sleep(2)
        yield Seeded(server, time.time())


BOARDS = dashboards(COMPRESSED)
TARGETS = [
    (f"{board['title']} / {panel['title']} / {target['refId']}", board, panel, target)
    for board in BOARDS
    for panel in board["panels"]
    for target in panel.get("targets", ())
]


def filled_in(expr: str, board: dict[str, Any]) -> str:
    """Fill in variables as Grafana does."""
    # Two, because in so little time no single template streams both hits and misses.
    one = f"{SUPPORT_BOT.name}|{TENANT_MAIL.name}"
    template = one if board["uid"] == "promptcache-template" else ".*"
    values = {
        "$__rate_interval_ms": "4000",
        "$__rate_interval": "4s",
        "$__range": f"{TRAFFIC_SECONDS}s",
        "$template": template,
    }
    for variable in ("$environment", "$job", "$instance", "$provider", "$model"):
        values[variable] = ".*"
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr
    return expr


def ask(seeded: Seeded, expr: str, *, is_instant: bool) -> list[tuple[dict[str, str], list[float]]]:
    """Query as a panel does; points that are NaN are gaps."""
    api = f"{seeded.server.url}/api/v1"
    if is_instant:
        found = get_json(f"{api}/query", query=expr, time=str(seeded.end - 2))
    else:
        start = str(seeded.end - TRAFFIC_SECONDS)
        found = get_json(f"{api}/query_range", query=expr, start=start, end=str(seeded.end), step="1")
    return [
        (
            one["metric"],
            [float(point[1]) for point in one.get("values", [one.get("value")]) if point[1] != "NaN"],
        )
        for one in found["data"]["result"]
    ]


@pytest.mark.parametrize(
    ("board", "panel", "target"), [case[1:] for case in TARGETS], ids=[case[0] for case in TARGETS]
)
def test_a_panels_query_has_an_answer(
    board: dict[str, Any], panel: dict[str, Any], target: dict[str, Any], seeded: Seeded
) -> None:
    answer = ask(seeded, filled_in(target["expr"], board), is_instant=target.get("instant", False))
    assert any(values for _, values in answer), "no data"
    unit = next(
        (
            override["properties"][0]["value"]
            for override in panel["fieldConfig"]["overrides"]
            if override["properties"][0]["id"] == "unit"
            and override["matcher"]["options"] == heading(panel, target)
        ),
        panel["fieldConfig"]["defaults"]["unit"],
    )
    low, high = PLAUSIBLE[unit]
    for labels, values in answer:
        assert all(math.isfinite(value) and low <= value <= high for value in values), (labels, values)
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in labels, f"the legend's {label} is missing"


def heading(panel: dict[str, Any], target: dict[str, Any]) -> str | None:
    """Return the heading of a target's column; None if the panel is not a table."""
    if panel["type"] != "table":
        return None
    renamed = panel["transformations"][1]["options"]["renameByName"]
    return renamed.get(f"Value #{target['refId']}") or renamed["Value"]


@pytest.mark.parametrize("board", BOARDS, ids=[board["title"] for board in BOARDS])
def test_variables_have_values(board: dict[str, Any], seeded: Seeded) -> None:
    for variable in board["templating"]["list"][1:]:
        selector, _, label = (
            variable["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        )
        found = get_json(
            f"{seeded.server.url}/api/v1/label/{label}/values", **{"match[]": filled_in(selector, board)}
        )
        # No environment is set, so there are no values for it.
        assert bool(found["data"]) is (variable["name"] != "environment"), variable["name"]
        if variable["name"] == "template":
            assert {workload.name for workload in WORKLOADS} <= set(found["data"]) | {""}


def test_deploys_are_marked_with_their_version(seeded: Seeded) -> None:
    query = BOARDS[1]["annotations"]["list"][0]["target"]["expr"]
    answer = ask(seeded, filled_in(query, BOARDS[1]), is_instant=False)
    assert {"job": JOB, "service_version": VERSION}.items() <= answer[0][0].items()


def test_the_start_of_a_jobs_processes_is_marked_as_a_rollout(seeded: Seeded) -> None:
    query = BOARDS[1]["annotations"]["list"][1]["target"]["expr"]
    ((labels, values),) = ask(seeded, filled_in(query, BOARDS[1]), is_instant=False)
    assert labels == {"job": JOB}
    # One process, for as long as a cache takes to warm up.
    assert set(values) == {1}
    assert len(values) <= COMPRESSED.warm_up_seconds + 2


def test_a_prompt_that_stays_as_it_is_is_not_marked_as_changed(seeded: Seeded) -> None:
    query = BOARDS[1]["annotations"]["list"][2]["target"]["expr"]
    changed = {labels["template"] for labels, _ in ask(seeded, filled_in(query, BOARDS[0]), is_instant=False)}
    assert "support-bot" not in changed


def test_a_dashboard_says_what_the_traffic_was(seeded: Seeded) -> None:
    by_template = next(
        one
        for name, _, _, one in TARGETS
        if name.startswith("Prompt caching / Overview / Top templates") and name.endswith("C")
    )
    ratios = {
        labels["template"]: values[0]
        for labels, values in ask(seeded, filled_in(by_template["expr"], BOARDS[0]), is_instant=True)
    }
    assert ratios["support-bot"] > 0.7
    assert ratios["coding-agent"] > 0.7
    assert ratios["daily-digest"] == 0
    assert ratios["tool-shuffler"] == 0
    assert "chat-widget" not in ratios


def test_no_rule_fails(seeded: Seeded) -> None:
    groups = get_json(f"{seeded.server.url}/api/v1/rules")["data"]["groups"]
    assert {group["name"] for group in groups} == {
        "promptcache.recording",
        "promptcache.baselines",
        "promptcache.alerts",
    }
    for group in groups:
        for rule in group["rules"]:
            assert rule["health"] == "ok", (rule["name"], rule.get("lastError"))
