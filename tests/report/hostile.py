"""Programs that write to the spool what none of our processes would, and the command that runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.report.programs import TIMEOUT_SECONDS

SPOOL = """
import json, os, sys
directory = os.environ["OTEL_PROMPTCACHE_RUN_DIRECTORY"]
def path(name):
    return os.path.join(directory, name)
def line(second=0, **attributes):
    usual = {
        "promptcache.prefix.name": "bot", "promptcache.result": "miss", "gen_ai.usage.input_tokens": 2000,
        "gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.request.model": "gpt-4.1",
    }
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return json.dumps({"start": 10**18 + second * 10**9, "end": 10**18 + second * 10**9 + 5, "attributes": {**usual, **named}})
def write(*lines, name="1.calls"):
    with open(path(name), "a", encoding="utf-8", errors="surrogatepass") as file:
        file.write("".join(line + "\\n" for line in lines))
"""


def command(tmp_path: Path, source: str, *options: str) -> list[str]:
    program = tmp_path / "program.py"
    program.write_text(SPOOL + source, encoding="utf-8", errors="surrogatepass")
    files = ("--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html"))
    return [
        sys.executable,
        "-m",
        "otel_promptcache.report",
        *files,
        *options,
        "--",
        sys.executable,
        str(program),
    ]


def run(tmp_path: Path, source: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(tmp_path, source, *options),
        env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip


def report(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))


def page(tmp_path: Path) -> str:
    return (tmp_path / "r.html").read_text(encoding="utf-8")
