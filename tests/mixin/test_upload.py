"""Dashboards are uploaded once, whatever Grafana answers is explained, and the token is never shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_promptcache.mixin.command import mixin_command
from tests.mixin.grafana import TOKEN, StandIn, running

if sys.version_info < (3, 11):
    pytest.skip("dashboards are made with a package that needs Python 3.11", allow_module_level=True)

UIDS = ["promptcache-overview", "promptcache-template", "promptcache-why"]


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as stand_in:
        yield stand_in


def run(*arguments: str, token: str | None = TOKEN) -> tuple[int, list[str]]:
    outcome = CliRunner().invoke(mixin_command, arguments, env={"GRAFANA_TOKEN": token})
    assert outcome.exit_code in (0, 1, 2), outcome.exception
    assert TOKEN not in outcome.output
    return outcome.exit_code, outcome.output.splitlines()


def words(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def test_the_folder_and_all_dashboards_are_created(grafana: StandIn) -> None:
    code, lines = run("--grafana-api", grafana.url + "/")
    assert (code, words(lines)) == (0, ["created"] * 4)
    assert grafana.folders["promptcache"]["title"] == "Prompt caching"
    assert sorted(grafana.dashboards) == UIDS
    for uid, stored in grafana.dashboards.items():
        assert stored["meta"]["folderUid"] == "promptcache"
        assert stored["dashboard"]["uid"] == uid
        assert stored["dashboard"]["panels"]


def test_a_second_time_changes_nothing(grafana: StandIn) -> None:
    run("--grafana-api", grafana.url)
    stored = deepcopy(grafana.dashboards)
    grafana.asked.clear()
    code, lines = run("--grafana-api", grafana.url)
    assert (code, words(lines)) == (0, ["unchanged"] * 4)
    assert {method for method, _ in grafana.asked} == {"GET"}
    assert grafana.dashboards == stored


def test_what_was_changed_is_put_right_and_the_rest_is_left_alone(grafana: StandIn) -> None:
    run("--grafana-api", grafana.url)
    grafana.folders["promptcache"]["title"] = "Old"
    grafana.dashboards[UIDS[0]]["dashboard"]["title"] = "Edited"
    grafana.dashboards[UIDS[1]]["meta"]["folderUid"] = ""
    code, lines = run("--grafana-api", grafana.url)
    assert (code, words(lines)) == (0, ["updated", "updated", "updated", "unchanged"])
    assert grafana.folders["promptcache"]["title"] == "Prompt caching"
    assert [grafana.dashboards[uid]["dashboard"]["version"] for uid in UIDS] == [2, 2, 1]
    assert {one["meta"]["folderUid"] for one in grafana.dashboards.values()} == {"promptcache"}


def test_a_dry_run_only_says_what_would_be_done(grafana: StandIn) -> None:
    code, lines = run("--grafana-api", grafana.url, "--dry-run")
    assert (code, words(lines)) == (0, ["would be created"] * 4)
    assert not grafana.folders
    assert not grafana.dashboards
    run("--grafana-api", grafana.url)
    grafana.asked.clear()
    _, lines = run("--grafana-api", grafana.url, "--dry-run", "--folder", "Other", "--datasource", "mimir")
    assert words(lines) == ["would be updated"] * 4
    assert {method for method, _ in grafana.asked} == {"GET"}


def test_files_can_be_written_at_the_same_time(grafana: StandIn, tmp_path: Path) -> None:
    code, lines = run("--grafana-api", grafana.url, "--out", str(tmp_path))
    assert code == 0
    assert len(list(tmp_path.rglob("*.json"))) == 3
    assert words(lines)[-4:] == ["created"] * 4


HTML = b"<!doctype html><title>Log in</title>"


@pytest.mark.parametrize(
    ("at", "answer", "said"),
    [
        ("", (401, {"message": "Invalid API key"}, {}), "does not accept the token (401): Invalid API key"),
        ("GET", (403, {"message": "no"}, {}), "lacks permission (403, GET /api/folders/promptcache): no; its service account"),
        ("POST /api/dashboards/db", (403, {"message": "no"}, {}), "(403, POST /api/dashboards/db): no"),
        ("", (404, HTML, {}), "has no Grafana API (404"),
        ("POST", (404, {"message": "Not found"}, {}), "/api/folders was not found (404)"),
        ("POST", (409, {"message": "same name"}, {}), "refused (409, POST /api/folders): same name"),
        (
            "POST /api/dashboards/db",
            (412, {"message": "The dashboard has been changed", "status": "version-mismatch"}, {}),
            "refused (412, POST /api/dashboards/db): version-mismatch: The dashboard has been changed",
        ),
        ("POST /api/dashboards/db", (400, {"message": "x" * 5_000}, {}), "x" * 200),
        ("", (500, {"message": "database is locked"}, {}), "failed (500, GET /api/folders/promptcache): database is locked"),
        ("", (502, HTML, {}), "failed (502"),
        ("", (302, b"", {"Location": "/login?next=secret"}), "redirects to /login (302)"),
        ("", (301, b"", {"Location": "https://grafana.example.org/api"}), "redirects to https://grafana.example.org/api"),
        ("POST", (307, b"", {"Location": "http://127.0.0.1:1/x"}), "redirects to http://127.0.0.1:1/x (307)"),
        ("", (200, HTML, {}), "does not answer like Grafana"),
        ("", (200, b"[]", {}), "does not answer like Grafana"),
        ("", (200, b"\xff\xfe", {}), "does not answer like Grafana"),
        ("", (403, {"message": ["not", "text"], "status": "a\nb"}, {}), "folders/promptcache); its service"),
    ],
)  # fmt: skip
def test_what_grafana_refuses_is_explained(at: str, answer: Any, said: str, grafana: StandIn) -> None:
    grafana.instead[at] = answer
    code, lines = run("--grafana-api", grafana.url)
    assert code == 1
    assert lines[-1].startswith("Error: ")
    assert said in lines[-1]
    assert len(lines[-1]) < 600


def test_a_provisioned_dashboard_is_left_alone(grafana: StandIn) -> None:
    run("--grafana-api", grafana.url)
    grafana.dashboards[UIDS[1]]["meta"]["provisioned"] = True
    code, lines = run("--grafana-api", grafana.url, "--datasource", "mimir")
    assert code == 1
    assert "provisioned from a file" in lines[-1]
    assert words(lines[:2]) == ["unchanged", "updated"]


def test_what_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as stand_in:
        gone = stand_in.url
    code, lines = run("--grafana-api", gone)
    assert code == 1
    assert lines[-1].startswith(f"Error: {gone} cannot be reached: ")


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        ([], TOKEN, "--out DIRECTORY, --grafana-api URL"),
        (["--grafana-api", "http://127.0.0.1:1"], None, "GRAFANA_TOKEN"),
        (["--grafana-api", "http://127.0.0.1:1"], " ", "GRAFANA_TOKEN"),
        (["--grafana-api", "http://127.0.0.1:1"], "two words", "GRAFANA_TOKEN: the token"),
        (["--grafana-api", "http://127.0.0.1:1"], "a\nHost: b", "GRAFANA_TOKEN: the token"),
        (["--grafana-api", "127.0.0.1:3000"], TOKEN, "https://example.org"),
        (["--grafana-api", f"http://{TOKEN[:4]}@127.0.0.1:1"], TOKEN, "--grafana-api"),
        (["--grafana-api", "http://127.0.0.1:1", "--check"], TOKEN, "--check requires --out"),
        (["--out", "x", "--dry-run"], TOKEN, "--dry-run requires --grafana-api"),
    ],
)
def test_a_wrong_call_is_explained_before_anything_is_asked(
    arguments: list[str], token: str | None, said: str
) -> None:
    code, lines = run(*arguments, token=token)
    assert code == 2
    assert said in " ".join(lines)
