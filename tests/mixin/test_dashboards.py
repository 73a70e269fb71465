"""What dashboard-linter requires of a dashboard, and what its readers do."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.mixin.config import MixinConfig, NameScheme

if sys.version_info < (3, 11):
    pytest.skip("dashboards are made with a package that needs Python 3.11", allow_module_level=True)

from otel_promptcache.mixin.boards.dashboards import dashboards

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
BOARDS = dashboards(MixinConfig())
PANELS = [(board["title"], panel) for board in BOARDS for panel in board["panels"] if panel["type"] != "row"]
TARGETS = [(panel, target) for _, panel in PANELS for target in panel["targets"]]
RECORDED = re.compile(r"\w*:promptcache_\w+:\w+")
WITHOUT_MODEL = ("promptcache_prefix_variants", "baseline")
WITHOUT_TEMPLATE = ("promptcache_unpriced", "promptcache_time_to_first_token")
WITHOUT_BOTH = ("promptcache_verdicts", "promptcache_fleet_operations")


def title_of(value: Any) -> str:
    return value["title"] if isinstance(value, dict) and "title" in value else ""


@pytest.fixture(params=BOARDS, ids=title_of)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


@pytest.fixture(params=[panel for _, panel in PANELS], ids=title_of)
def panel(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


@pytest.fixture(params=TARGETS, ids=lambda pair: f"{pair[0]['title']} {pair[1]['refId']}")
def target(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param[1]


def test_dashboard_says_what_it_is(board: dict[str, Any]) -> None:
    assert board["title"]
    assert board["uid"]
    assert len(board["description"]) > 80
    assert board["tags"]
    assert "id" not in board


def test_dashboard_is_classic(board: dict[str, Any]) -> None:
    assert isinstance(board["schemaVersion"], int)
    assert not {"apiVersion", "kind", "spec", "elements"} & set(board)


def test_variables_narrow_each_other_down(board: dict[str, Any]) -> None:
    variables = board["templating"]["list"]
    assert [one["name"] for one in variables] == [
        "datasource", "environment", "job", "instance", "provider", "model", "template"
    ]  # fmt: skip
    assert variables[0]["type"] == "datasource"
    for index, variable in enumerate(variables[1:], start=1):
        assert variable["label"]
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["query"].startswith("label_values(instance_template:")
        for earlier in variables[1:index]:
            assert f'"${earlier["name"]}"' in variable["query"]


def test_all_means_also_what_has_no_value(board: dict[str, Any]) -> None:
    for variable in board["templating"]["list"][1:]:
        is_subject = board["uid"] == "promptcache-template" and variable["name"] == "template"
        assert variable["includeAll"] is not is_subject
        assert variable.get("allValue") == (None if is_subject else ".*")
        assert variable["multi"] is not is_subject


def test_dashboard_marks_deploys_and_rollouts_and_links_to_the_others(board: dict[str, Any]) -> None:
    annotations = board["annotations"]["list"]
    assert [one["name"] for one in annotations] == ["Deploys", "Rollouts", "Prompt changes"]
    for annotation in annotations:
        assert annotation["datasource"]["uid"] == "${datasource}"
        assert 'job=~"$job"' in annotation["target"]["expr"]
    assert board["links"][0]["tags"] == board["tags"]
    assert board["links"][0]["includeVars"]


def test_panels_do_not_overlap_and_have_ids(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for one in board["panels"]:
        grid = one["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert not cells & taken
        taken |= cells
    ids = [one["id"] for one in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_no_two_panels_of_a_dashboard_have_the_same_title(board: dict[str, Any]) -> None:
    titles = [one["title"] for one in board["panels"]]
    assert sorted(set(titles)) == sorted(titles)


def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) >= 50
    assert panel["description"].endswith(".")


def test_panel_has_a_source_a_unit_and_an_empty_state(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]


def test_numbers_have_thresholds_and_name_themselves(panel: dict[str, Any]) -> None:
    if panel["type"] == "stat":
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None
        wanted = "value" if len(panel["targets"]) == 1 else "value_and_name"
        assert panel["options"]["textMode"] == wanted
        assert all(one["legendFormat"] for one in panel["targets"])


def test_targets_of_a_panel_are_told_apart(panel: dict[str, Any]) -> None:
    assert [one["refId"] for one in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    legends = [one.get("legendFormat") for one in panel["targets"]]
    assert len(set(legends)) == len(legends)


def test_target_follows_the_variables(target: dict[str, Any]) -> None:
    expr = target["expr"]
    for selector in re.findall(r"\{([^}]*)\}", expr):
        assert 'job=~"$job"' in selector
        assert 'deployment_environment_name=~"$environment"' in selector
        if any(name in expr for name in WITHOUT_MODEL):
            assert 'template=~"$template"' in selector
            continue
        assert 'instance=~"$instance"' in selector
        if any(name in expr for name in WITHOUT_BOTH):
            continue
        assert 'gen_ai_provider_name=~"$provider"' in selector
        assert 'gen_ai_request_model=~"$model"' in selector
        if not any(name in expr for name in WITHOUT_TEMPLATE):
            assert '"$template"' in selector


def test_target_asks_recorded_series(target: dict[str, Any]) -> None:
    if target.get("exemplar"):
        assert "promptcache_time_to_first_token_seconds_bucket" in target["expr"]
        return
    selected = re.findall(r"([\w:]+)\{", target["expr"])
    assert selected
    assert all(RECORDED.fullmatch(name) for name in selected)


def test_rates_follow_the_resolution_and_totals_the_range(target: dict[str, Any]) -> None:
    ranges = set(re.findall(r"\[([^\]]*)\]", target["expr"]))
    if target.get("instant"):
        assert ranges == {"$__range"}
        assert "rate(" not in target["expr"]
    else:
        assert ranges <= {"$__rate_interval"}
        assert target["interval"] == "1m"


def test_braces_and_parentheses_are_closed(target: dict[str, Any]) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert target["expr"].count(opening) == target["expr"].count(closing)


def test_counters_are_never_summed_before_their_rate(target: dict[str, Any]) -> None:
    assert not re.search(r"(rate|increase|sum_over_time)\(\s*(sum|avg|max)\b", target["expr"])


def test_what_a_series_begins_with_is_in_every_panel(target: dict[str, Any]) -> None:
    if not target.get("exemplar"):
        assert not re.search(r"\b(rate|irate|increase|delta)\(", target["expr"])


def test_the_link_to_traces_is_a_query_that_grafana_can_read() -> None:
    link = BOARDS[1]["links"][1]["url"]
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415

    (panes,) = parse_qs(urlsplit(link).query)["panes"]
    query = json.loads(panes)["a"]["queries"][0]
    assert query["query"] == (
        '{ span.promptcache.prefix.name = "${template}" || span.promptcache.prefix.fingerprint = "${template}" }'
    )


def links_of(panel: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields that have a panel's links, and the addresses."""
    return [
        (override["matcher"]["options"], link["url"])
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "links"
        for link in one["value"]
    ]


@pytest.mark.parametrize(("title", "panel"), PANELS, ids=title_of)
def test_a_click_on_a_template_leads_to_its_dashboard(title: str, panel: dict[str, Any]) -> None:
    expected: list[str] = []
    if title != BOARDS[1]["title"]:
        if panel["type"] == "table":
            expected = [panel["transformations"][1]["options"]["renameByName"]["template"]]
        elif "{{template}}" in panel["targets"][0]["legendFormat"]:
            expected = ["A"]
    assert [at for at, _ in links_of(panel)] == expected


def test_a_link_keeps_what_is_chosen() -> None:
    links = {url for _, panel in PANELS for _, url in links_of(panel)}
    variables = {one["name"] for one in BOARDS[1]["templating"]["list"]}
    assert len(links) == 2
    for url in links:
        path, _, query = url.partition("?")
        assert path == f"/d/{BOARDS[1]['uid']}"
        kept = set(re.findall(r"\$\{(\w+):queryparam\}", query))
        assert kept == variables - {"template"}
        assert re.search(r"var-template=\$\{[\w.]+:percentencode\}", query)
        assert query.endswith("&${__url_time_range}")


def test_settings_reach_the_dashboards() -> None:
    config = MixinConfig(
        names=NameScheme.NO_SUFFIXES, selector='env="prod"', datasource="mimir", evaluation_seconds=30
    )
    text = json.dumps(dashboards(config))
    assert "first_token_seconds_bucket{" not in text
    assert 'promptcache_time_to_first_token_bucket{env=\\"prod\\"' in text
    assert '"value": "mimir"' in text
    assert '"interval": "30s"' in text


def test_what_a_runbook_points_at_is_in_the_dashboards() -> None:
    titles = {board["title"] for board in BOARDS} | {panel["title"] for _, panel in PANELS}
    titles |= {link["title"] for board in BOARDS for link in board["links"]}
    for _, panel in PANELS:
        if panel["type"] == "table":
            titles |= set(panel["transformations"][1]["options"]["renameByName"].values())
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for named in re.findall(r"(?<!\*)\*([A-Z][^*\n]+[^*\n,.])\*(?!\*)", text):
            assert named in titles or named.startswith("PromptCache"), f"{page.name}: {named}"
