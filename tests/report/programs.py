"""Runs small programs, with and without the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_promptcache.sim import Simulator

TIMEOUT_SECONDS = 60

ASK = """
import os
from openai import OpenAI
client = OpenAI()
SYSTEM = {"role": "system", "content": "You are helpful. " * 700}
def ask(question="Hi", **arguments):
    messages = [SYSTEM, {"role": "user", "content": question}]
    return client.chat.completions.create(model="gpt-4.1", messages=messages, **arguments)
"""
"""The start of programs that make calls."""


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    out: bytes
    err: bytes
    report: dict[str, Any]
    """The JSON; empty if the program ran without the report."""

    @property
    def requests(self) -> int:
        return self.report["total"]["requests"]


class Programs:
    """Writes programs into a directory and runs them there."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        self.directory = directory
        self.simulator = simulator
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))
        }
        self.environment = {**inherited, "OPENAI_BASE_URL": simulator.base_url, "OPENAI_API_KEY": "key"}

    def write(self, source: str, name: str = "program.py") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    def command(self, *command: str | Path) -> list[str]:
        """The command line that runs a command under the report."""
        report = ("-m", "otel_promptcache.report", "--json", str(self.directory / "report.json"), "--")
        return [sys.executable, *report, *map(str, command)]

    def plain(self, source: str, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
        """Run a program without the report."""
        return self._run([sys.executable, str(self.write(source)), *arguments], stdin, environment)

    def reported(self, source: str, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
        """Run a program under the report."""
        return self.run(sys.executable, self.write(source), *arguments, stdin=stdin, **environment)

    def run(self, *command: str | Path, stdin: bytes = b"", **environment: str) -> Done:
        """Run any command under the report."""
        return self._run(self.command(*command), stdin, environment)

    def _run(self, command: list[str], stdin: bytes, environment: dict[str, str]) -> Done:
        self.simulator.reset()  # each run starts with an empty cache
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=self.directory,
            env={**self.environment, **environment},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        file = self.directory / "report.json"
        report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        file.unlink(missing_ok=True)
        return Done(done.returncode, done.stdout, done.stderr, report)
