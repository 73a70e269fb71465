"""The rendered copies are what the command renders, and every alert can be acted on."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.mixin.command import mixin_command
from otel_promptcache.mixin.config import MixinConfig, NameScheme, Temporality
from otel_promptcache.mixin.render import render_provisioning, render_rules
from otel_promptcache.mixin.rules.alerts import alerts
from otel_promptcache.mixin.rules.rule import Alert
from otel_promptcache.telemetry import names

ROOT = Path(__file__).parents[2]
RENDERED, RUNBOOKS = ROOT / "examples" / "grafana", ROOT / "docs" / "runbooks"
needs_dashboards = pytest.mark.skipif(sys.version_info < (3, 11), reason="dashboards need Python 3.11")
ALERTS = alerts(MixinConfig())


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(mixin_command, arguments)
    return outcome.exit_code, outcome.output


@needs_dashboards
def test_the_rendered_copies_are_up_to_date() -> None:
    code, output = run("--out", str(RENDERED), "--check")
    assert code == 0, f"{output}\nRun `otel-promptcache mixin --out examples/grafana`."


@needs_dashboards
def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    options = ["--warm-up", "20m", "--keep-labels", "cluster", "--names", "no-suffixes"]
    for folder in ("a", "b"):
        assert run("--out", str(tmp_path / folder), *options)[0] == 0
    assert run("--out", str(tmp_path / "b"), "--check", *options)[0] == 0
    assert run("--out", str(tmp_path / "b"), "--check")[0] == 1


@needs_dashboards
def test_an_option_is_the_setting_of_that_name(tmp_path: Path) -> None:
    assert run("--out", str(tmp_path), "--names", "no-suffixes", "--temporality", "delta")[0] == 0
    settings = MixinConfig(names=NameScheme.NO_SUFFIXES, temporality=Temporality.DELTA)
    for path, text in render_rules(settings).items():
        assert (tmp_path / path).read_text(encoding="utf-8") == text


@needs_dashboards
def test_a_stale_file_is_named(tmp_path: Path) -> None:
    run("--out", str(tmp_path))
    (tmp_path / "prometheus" / "promptcache-alerts.yaml").write_text("groups: []\n")
    (tmp_path / "dashboards" / "promptcache-why.json").unlink()
    code, output = run("--out", str(tmp_path), "--check")
    assert code == 1
    assert "promptcache-alerts.yaml" in output
    assert "promptcache-why.json" in output


@needs_dashboards
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--warm-up", "5x"], "not a duration"),
        (["--drop-ratio", "3"], "from 0 to 1"),
        (["--names", "x"], "any"),
    ],
)
def test_a_bad_option_is_explained(arguments: list[str], message: str, tmp_path: Path) -> None:
    code, output = run("--out", str(tmp_path), *arguments)
    assert code == 2
    assert message in output


@needs_dashboards
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "otel_promptcache.mixin.boards.dashboards", None)
    code, output = run("--out", str(tmp_path))
    assert code == 1
    assert "otel-promptcache[mixin]" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="only older Pythons lack the package")
def test_an_older_python_is_told_what_it_takes(tmp_path: Path) -> None:
    assert "Python 3.11" in run("--out", str(tmp_path))[1]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_has_a_runbook_that_says_what_to_do(alert: Alert) -> None:
    page = RUNBOOKS / alert.runbook_url.rpartition("/")[2]
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {alert.name}\n")
    for heading in ("## What it means", "## What to look at", "## What to do", "## When it is wrong"):
        assert heading in text


def test_a_runbook_is_of_an_alert_or_of_a_reason() -> None:
    pages = {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"}
    reasons = {f"{reason.value}.md" for reason in MissReason}
    assert pages - reasons == {alert.runbook_url.rpartition("/")[2] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_names_its_subject_and_its_numbers(alert: Alert) -> None:
    subject = f"{{{alert.labels[-1]}}}"
    assert subject in alert.summary
    assert subject in alert.description
    assert "{value}" in alert.description
    assert alert.severity in ("critical", "warning", "info")
    assert alert.for_seconds > 0


def test_only_one_alert_pages() -> None:
    assert [alert.name for alert in ALERTS if alert.severity == "critical"] == ["PromptCacheHitRatioDropped"]


def rendered(path: str, **settings: Any) -> Any:
    return yaml.safe_load(render_rules(MixinConfig(**settings))[path])


@pytest.mark.parametrize(
    ("names_", "spelled"),
    [
        (NameScheme.ANY, {"promptcache_tokens_total", "promptcache_tokens"}),
        (NameScheme.SUFFIXES, {"promptcache_tokens_total"}),
        (NameScheme.NO_SUFFIXES, {"promptcache_tokens"}),
    ],
)
def test_rules_read_the_spellings_that_they_are_told_to(names_: NameScheme, spelled: set[str]) -> None:
    groups = rendered("prometheus/promptcache-recording.yaml", names=names_)["groups"]
    (rule,) = (
        one for one in groups[0]["rules"] if one["record"] == "instance_template:promptcache_tokens:sum"
    )
    assert set(re.findall(r"(?<![:\w])promptcache_tokens\w*", rule["expr"])) == spelled


@pytest.mark.parametrize("temporality", list(Temporality))
def test_no_rule_asks_for_a_growth_that_does_not_see_series_begin(temporality: Temporality) -> None:
    for path in ("prometheus/promptcache-recording.yaml", "prometheus/promptcache-alerts.yaml"):
        for group in rendered(path, temporality=temporality)["groups"]:
            assert not [rule for rule in group["rules"] if re.search(r"\b(rate|increase)\(", rule["expr"])]


def test_deltas_are_added_up_as_they_come() -> None:
    cumulative, delta = (
        {
            rule["record"]
            for rule in rendered("prometheus/promptcache-recording.yaml", temporality=one)["groups"][0][
                "rules"
            ]
        }
        for one in (Temporality.CUMULATIVE, Temporality.DELTA)
    )
    totals = {name for name in cumulative if name.startswith("instance_template:") and name.endswith(":sum")}
    assert cumulative - delta == {*totals, "instance:promptcache_observed:group"}
    assert delta < cumulative


def test_only_the_first_rules_read_what_is_emitted() -> None:
    emitted = re.compile(rf"(?<![:\w])({'|'.join(one.name.replace('.', '_') for one in names.METRICS)})\w*")
    for path in ("prometheus/promptcache-recording.yaml", "prometheus/promptcache-alerts.yaml"):
        for group in rendered(path)["groups"]:
            for rule in group["rules"]:
                if not rule.get("record", "").startswith(("instance:", "instance_template:", "job_version:")):
                    assert not emitted.search(rule["expr"]), rule


def test_a_selector_and_further_labels_reach_every_rule() -> None:
    settings = {"selector": 'env="prod"', "keep_labels": ("cluster",)}
    for group in rendered("prometheus/promptcache-recording.yaml", **settings)["groups"]:
        for rule in group["rules"]:
            if rule["record"].startswith("instance_template:") and not rule["record"].endswith(":increase"):
                assert rule["expr"].count('{env="prod"}') >= 1
            if " by (" in rule["expr"]:
                assert set(re.findall(r"by \((\w+)", rule["expr"])) == {"cluster"}
                assert all(
                    "deployment_environment_name" in keys
                    for keys in re.findall(r"by \(([^)]+)", rule["expr"])
                    if "job" in keys
                )


def test_grafana_evaluates_the_same_alerts() -> None:
    prometheus = rendered("prometheus/promptcache-alerts.yaml")["groups"][0]["rules"]
    (group,) = rendered("provisioning/alerting/promptcache.yaml", datasource="mimir")["groups"]
    assert [rule["title"] for rule in group["rules"]] == [rule["alert"] for rule in prometheus]
    for ours, theirs in zip(group["rules"], prometheus, strict=True):
        assert ours["data"][0]["model"]["expr"] == theirs["expr"]
        assert ours["for"] == theirs["for"]
        assert ours["labels"] == theirs["labels"]
        assert ours["annotations"]["runbook_url"] == theirs["annotations"]["runbook_url"]
        assert ours["noDataState"] == "OK"
        assert {one["datasourceUid"] for one in ours["data"]} == {"mimir", "__expr__"}


@pytest.mark.parametrize(
    "path", ["prometheus/promptcache-alerts.yaml", "provisioning/alerting/promptcache.yaml"]
)
def test_an_alert_leads_to_the_dashboard_of_its_subject_if_it_is_known_where_grafana_is(path: str) -> None:
    for group in rendered(path)["groups"]:
        assert not any("dashboard_url" in rule["annotations"] for rule in group["rules"])
    (group,) = rendered(path, grafana_url="https://grafana.example.org/sub/")["groups"]
    for alert, rule in zip(ALERTS, group["rules"], strict=True):
        url = rule["annotations"]["dashboard_url"]
        board = "promptcache-template" if "template" in alert.labels else "promptcache-overview"
        assert url.startswith(f"https://grafana.example.org/sub/d/{board}?")
        assert url.count("{{ with") == url.count("{{ end }}") == url.count("| urlquery }}")
        assert set(re.findall(r'index \$labels "(\w+)"', url)) == set(alert.labels)
        assert rule["annotations"].get("__dashboardUid__", board) == board


def test_the_folder_is_named_alike_for_dashboards_and_alerts() -> None:
    text = render_provisioning(MixinConfig(folder="Cache: team A"))[
        "provisioning/dashboards/promptcache.yaml"
    ]
    (provider,) = yaml.safe_load(text)["providers"]
    (group,) = rendered("provisioning/alerting/promptcache.yaml", folder="Cache: team A")["groups"]
    assert provider["folder"] == group["folder"] == "Cache: team A"


def test_another_label_of_the_environment_is_recorded_under_the_same_name() -> None:
    emitted = re.compile(
        rf"(?<![:\w])({'|'.join(one.name.replace('.', '_') for one in names.METRICS)})(_\w+)?\b(?!:)"
    )
    for group in rendered("prometheus/promptcache-recording.yaml", environment_label="env")["groups"]:
        for rule in group["rules"]:
            is_labelled = '"deployment_environment_name", "$1", "env", "(.+)"' in rule["expr"]
            assert bool(emitted.search(rule["expr"])) is is_labelled, rule


def test_grafanas_rules_refer_to_their_own_queries_only() -> None:
    (group,) = rendered("provisioning/alerting/promptcache.yaml")["groups"]
    uids = [rule["uid"] for rule in group["rules"]]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)
    for rule in group["rules"]:
        refs = {one["refId"] for one in rule["data"]}
        assert rule["condition"] in refs
        assert set(re.findall(r"\$([A-Z])\b", rule["data"][-1]["model"]["expression"])) == refs - {
            rule["condition"]
        }
        texts = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$values\.(\w+)", texts)) <= refs
