"""The example files fit together: what is mounted or linked exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.rules.alerts import alerts

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "examples" / "grafana"
PAGES = [
    GRAFANA / "README.md",
    ROOT / "docs" / "dashboards.md",
    ROOT / "docs" / "scale.md",
    *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
]


def load(name: str) -> Any:
    return yaml.safe_load((GRAFANA / name).read_text(encoding="utf-8"))


def mounts() -> dict[str, Path]:
    volumes: list[str] = load("compose.yaml")["services"]["lgtm"]["volumes"]
    return {target: GRAFANA / source for source, target, _ in (volume.split(":") for volume in volumes)}


COMPOSE = Draft7Validator(
    json.loads((Path(__file__).parent / "compose_spec" / "compose-spec.json").read_text(encoding="utf-8"))
)


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("examples/**/compose*.yaml")), ids=lambda file: file.parent.name
)
def test_a_compose_file_is_one_by_the_specification(file: Path) -> None:
    COMPOSE.validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "change",
    [
        {"image": ["grafana/otel-lgtm"]},
        {"ports": "3000"},
        {"volume": []},
        {"depends_on": {"lgtm": {"condition": "healthy"}}},
    ],
    ids=str,
)
def test_what_is_no_compose_file_is_found(change: dict[str, Any]) -> None:
    compose = load("compose.yaml")
    compose["services"]["demo"] |= change
    assert not COMPOSE.is_valid(compose)


def test_a_service_waits_for_one_that_there_is() -> None:
    services = load("compose.yaml")["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_what_is_mounted_exists() -> None:
    assert all(path.exists() for path in mounts().values())


def test_every_rule_file_and_dashboard_folder_is_mounted() -> None:
    inside = mounts()
    for file in load("prometheus.yaml")["rule_files"]:
        folder, _, name = file.rpartition("/")
        assert (inside[folder] / name).is_file()
    (provider,) = load("provisioning/dashboards/promptcache.yaml")["providers"]
    assert list(inside[provider["options"]["path"]].glob("*.json"))


def test_an_alert_is_not_evaluated_twice() -> None:
    assert not any("alerts" in file for file in load("prometheus.yaml")["rule_files"])
    assert any("alerting" in target for target in mounts())


def test_what_follows_from_a_page_is_held_back_and_what_explains_it_is_not() -> None:
    known = {alert.name for alert in alerts(MixinConfig())}
    (rule,) = load("alertmanager.yaml")["inhibit_rules"]
    named = {
        name
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        for name in re.findall(r"PromptCache\w+", matcher)
    }
    assert named < known
    assert "PromptCachePrefixUnstable" not in named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
