"""The dashboards type-check against the schema of Grafana 13."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.mixin.boards.dashboards import dashboards
from tests.mixin.settings import ODD, odd
from tests.stack.parts import cache_directory

DASHBOARDS = Path(__file__).parents[2] / "examples" / "grafana" / "dashboards"
PACKAGES = ("@grafana/schema@13.2.3", "typescript@5.9.3")
OF_THE_DATA_SOURCE = ("target", "titleFormat", "textFormat", "tagKeys")
"""Fields that the schema leaves to Prometheus' data source."""
OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder of npm packages in the cache of parts; a failure says what is missing."""
    folder = cache_directory() / "node"
    if not (folder / "node_modules" / "@grafana" / "schema").exists():
        if shutil.which("npm") is None:
            pytest.fail(
                "npm is missing, so the dashboards cannot be checked against @grafana/schema", pytrace=False
            )
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"npm could not install {' '.join(PACKAGES)}: {done.stderr}", pytrace=False)
    return folder


def compile_as_dashboards(folder: Path, boards: Sequence[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Let the compiler check JSON against the type `Dashboard`."""
    lines = ['import { type Dashboard, ThresholdsMode } from "@grafana/schema";']
    for number, board in enumerate(boards):
        for annotation in board["annotations"]["list"]:
            for field in OF_THE_DATA_SOURCE:
                del annotation[field]
        # A TypeScript enum accepts no string, though its value is one in JSON.
        text = json.dumps(board, indent=2).replace('"mode": "absolute"', '"mode": ThresholdsMode.Absolute')
        lines.append(f"export const board{number}: Dashboard = {text};")
    file = folder / "dashboard.ts"
    file.write_text("\n".join(lines), encoding="utf-8")
    compiler = folder / "node_modules" / ".bin" / "tsc"
    return subprocess.run(
        [str(compiler), *OPTIONS, file.name], cwd=folder, capture_output=True, text=True, check=False
    )


def test_all_dashboards_type_check(node_modules: Path) -> None:
    boards = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(DASHBOARDS.glob("*.json"))]
    done = compile_as_dashboards(node_modules, boards)
    assert done.returncode == 0, done.stdout


def test_the_dashboards_of_unusual_settings_type_check(node_modules: Path) -> None:
    # Most settings affect the rules only.
    texts = {json.dumps(board) for name in ODD for board in dashboards(odd(name))}
    assert len(texts) > len(ODD)
    done = compile_as_dashboards(node_modules, [json.loads(text) for text in sorted(texts)])
    assert done.returncode == 0, done.stdout


def test_what_is_no_dashboard_does_not(node_modules: Path) -> None:
    board = json.loads(next(DASHBOARDS.glob("*.json")).read_text(encoding="utf-8"))
    board["panels"][1]["gridPos"]["w"] = "wide"
    done = compile_as_dashboards(node_modules, [board])
    assert done.returncode != 0
    assert "TS2322" in done.stdout
