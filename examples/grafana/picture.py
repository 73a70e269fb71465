"""Draws the overview with Grafana's own components from a running Prometheus's answers to its queries.

    python -m examples.grafana.picture http://127.0.0.1:9090

It is meant for the stack of `stack.py`, where hours are minutes. It needs npm and Chromium.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.grafana.stack import COMPRESSED
from tests.stack.parts import cache_directory
from tests.stack.services import get_json

from otel_promptcache.mixin.boards.dashboards import dashboards

_HERE = Path(__file__).parent
_PACKAGES = ("@grafana/data@13.2.3", "@grafana/runtime@13.2.3", "@grafana/schema@13.2.3", "@grafana/ui@13.2.3",
             "react@18.3.1", "react-dom@18.3.1", "react-router-dom@5.3.4", "rxjs@7.8.2", "esbuild@0.28.2")  # fmt: skip
_BUNDLE = ("--bundle", "--format=iife", "--minify", "--log-level=error", "--loader:.svg=text", "--loader:.ttf=dataurl",
           "--loader:.woff=dataurl", "--loader:.woff2=dataurl", '--define:process.env.NODE_ENV="production"',
           "--define:global=window", "--alias:react-custom-scrollbars-2=./scrollbars.ts")  # fmt: skip
# Its default export is lost between the two module formats.
_SCROLLBARS = "export { default } from './node_modules/react-custom-scrollbars-2';\n"
_PAGE = (
    '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css">'
    '<div id="root"></div><script src="input.js"></script><script src="page.js"></script>\n'
)
_SECONDS, _WIDTH, _ROW, _MARGINS = 240, 1616, 38, 100
_VARIABLES = ("environment", "job", "instance", "provider", "model", "template")
_NOTE = (
    "Drawn by Grafana's own components (13.2.3), without a Grafana, from what a real Prometheus answered to the "
    "panels' queries while the demo's nine applications sent to it. An hour takes two minutes here, and a day one."
)


def ask(url: str, target: dict[str, Any], end: float) -> list[dict[str, Any]]:
    """Query as Grafana does, with all variables set to All; name series as the panel does."""
    expr = target["expr"].replace("$__range", f"{_SECONDS}s")
    expr = expr.replace("$__rate_interval_ms", "30000").replace("$__rate_interval", "30s")
    for variable in _VARIABLES:
        expr = expr.replace(f"${variable}", ".*")
    if target.get("instant"):
        found = get_json(f"{url}/api/v1/query", query=expr, time=str(end))["data"]["result"]
    else:
        span = {"start": str(end - _SECONDS), "end": str(end), "step": "5"}
        found = get_json(f"{url}/api/v1/query_range", query=expr, **span)["data"]["result"]
    return [
        {
            "labels": one["metric"],
            "name": legend(target, one["metric"]),
            "points": [
                (at, None if value == "NaN" else float(value))
                for at, value in one.get("values", [one.get("value")])
            ],
        }
        for one in found
    ]


def legend(target: dict[str, Any], labels: Mapping[str, str]) -> str:
    """Name a series as the panel does."""
    text = target["legendFormat"]
    for label, value in labels.items():
        text = text.replace(f"{{{{{label}}}}}", value)
    return text


def answered(url: str) -> dict[str, Any]:
    """Return the overview, and Prometheus's answers to its queries."""
    board, end = dashboards(COMPRESSED)[0], time.time() - 5
    answers = {
        panel["id"]: {target["refId"]: ask(url, target, end) for target in panel["targets"]}
        for panel in board["panels"]
        if "targets" in panel
    }
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    height = rows * _ROW + _MARGINS
    return {
        "board": board,
        "answers": answers,
        "from": end - _SECONDS,
        "to": end,
        "note": _NOTE,
        "height": height,
    }


def bundled() -> Path:
    """Return the folder with the page, after fetching Grafana's components once."""
    folder = cache_directory() / "picture"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / "@grafana" / "ui").exists():
        # Peer dependencies of plugins that are not used here conflict.
        run(
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--legacy-peer-deps",
            "--prefix",
            str(folder),
            *_PACKAGES,
        )
    shutil.copy(_HERE / "page.tsx", folder)
    (folder / "scrollbars.ts").write_text(_SCROLLBARS, encoding="utf-8")
    (folder / "page.html").write_text(_PAGE, encoding="utf-8")
    run(
        str(folder / "node_modules" / ".bin" / "esbuild"),
        "page.tsx",
        "--outfile=page.js",
        *_BUNDLE,
        folder=folder,
    )
    return folder


def run(*command: str, folder: Path | None = None) -> None:
    """Run a program; if it is missing or fails, say so and exit."""
    if shutil.which(command[0]) is None:
        sys.exit(f"{command[0]} is missing")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")


def main() -> None:
    """Write the picture, next to this file by default."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prometheus", help="its address")
    parser.add_argument("--out", type=Path, default=_HERE / "overview.png")
    arguments = parser.parse_args()
    page, drawn = bundled(), answered(arguments.prometheus)
    (page / "input.js").write_text(f"window.INPUT = {json.dumps(drawn)};", encoding="utf-8")
    with tempfile.TemporaryDirectory() as profile:
        size = f"--window-size={_WIDTH},{drawn['height']}"
        options = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--allow-file-access-from-files",
        )
        run(
            "chromium", *options, f"--user-data-dir={profile}", size, "--virtual-time-budget=8000",
            f"--screenshot={arguments.out.resolve()}", (page / "page.html").as_uri(),
        )  # fmt: skip
    print(arguments.out)


if __name__ == "__main__":
    main()
