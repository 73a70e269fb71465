"""Runs `promtool test rules` over the rules of some settings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.render import render_rules


def run(promtool: str, folder: Path, config: MixinConfig, tests: list[dict[str, Any]]) -> None:
    """Run promtool over the rules of these settings; any complaint fails the test."""
    files = {name: text for name, text in render_rules(config).items() if name.startswith("prometheus/")}
    for name, text in files.items():
        (folder / Path(name).name).write_text(text, encoding="utf-8")
    test = {
        "rule_files": [Path(name).name for name in files],
        "group_eval_order": ["promptcache.recording", "promptcache.baselines", "promptcache.alerts"],
        "evaluation_interval": f"{config.evaluation_seconds}s",
        "fuzzy_compare": True,
        "tests": tests,
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
