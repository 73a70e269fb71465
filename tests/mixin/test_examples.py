"""The files that let one see it hang together: what is mounted exists, what is linked is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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
