"""The dashboards are what Grafana 13 says a dashboard is, by the compiler's judgement."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.stack.parts import cache_directory

DASHBOARDS = Path(__file__).parents[2] / "examples" / "grafana" / "dashboards"
PACKAGES = ("@grafana/schema@13.2.3", "typescript@5.9.3")
OF_THE_DATA_SOURCE = ("target", "titleFormat", "textFormat", "tagKeys")
"""What the schema leaves to Prometheus' data source."""
OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Packages of npm in the cache of parts; a failure says what is missing."""
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


def compile_as_dashboard(folder: Path, board: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Let the compiler check JSON against the type `Dashboard`."""
    for annotation in board["annotations"]["list"]:
        for field in OF_THE_DATA_SOURCE:
            del annotation[field]
    # An enum of TypeScript takes no string, though it is one in JSON.
    text = json.dumps(board, indent=2).replace('"mode": "absolute"', '"mode": ThresholdsMode.Absolute')
    file = folder / "dashboard.ts"
    file.write_text(
        'import { type Dashboard, ThresholdsMode } from "@grafana/schema";\n'
        f"export const board: Dashboard = {text};\n",
        encoding="utf-8",
    )
    compiler = folder / "node_modules" / ".bin" / "tsc"
    return subprocess.run(
        [str(compiler), *OPTIONS, file.name], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("file", sorted(DASHBOARDS.glob("*.json")), ids=lambda file: file.stem)
def test_a_dashboard_type_checks(file: Path, node_modules: Path) -> None:
    done = compile_as_dashboard(node_modules, json.loads(file.read_text(encoding="utf-8")))
    assert done.returncode == 0, done.stdout


def test_what_is_no_dashboard_does_not(node_modules: Path) -> None:
    board = json.loads(next(DASHBOARDS.glob("*.json")).read_text(encoding="utf-8"))
    board["panels"][1]["gridPos"]["w"] = "wide"
    done = compile_as_dashboard(node_modules, board)
    assert done.returncode != 0
    assert "TS2322" in done.stdout
