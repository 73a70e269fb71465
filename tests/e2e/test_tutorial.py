"""The tutorial runs as published, and its README shows its real output."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial"
SHOWN = re.findall(
    r"<!-- python (two_\w+\.py.*?) -->\n```\n(.*?)```",
    (TUTORIAL / "README.md").read_text("utf-8"),
    re.DOTALL,
)
has_prices = importlib.util.find_spec("genai_prices") is not None


@cache
def run(options: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    script, *arguments = shlex.split(options)
    arguments = [sys.executable, str(TUTORIAL / script), *arguments]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def values(lines: list[str], title: str) -> list[str]:
    (line,) = (line for line in lines if line.strip().startswith(title))
    return line.strip().removeprefix(title).split()


@pytest.mark.parametrize(("options", "output"), SHOWN, ids=[options.strip() for options, _ in SHOWN])
def test_the_readme_shows_what_appears(options: str, output: str) -> None:
    lines, shown = run(options), output.splitlines()
    assert len(lines) == len(shown)
    for line, expected in zip(lines, shown, strict=True):
        if expected.startswith("time to first token"):
            assert ("-" in line) == ("--stream" not in options)
        elif has_prices or not expected.startswith("net dollars"):
            assert line == expected


def test_the_readme_shows_all_variants() -> None:
    assert [options.split() for options, _ in SHOWN] == [
        ["two_requests.py", "--stream"],
        ["two_requests.py", "--timestamp"],
        ["two_requests.py", "--model", "gpt-4.1"],
        ["two_requests.py", "--no-breakpoint"],
        ["two_messages.py", "--stream"],
        ["two_messages.py", "--no-marker"],
        ["two_messages.py", "--timestamp"],
    ]


@pytest.mark.parametrize("script", ["two_requests.py", "two_messages.py"])
def test_the_second_request_reads_what_the_first_one_left(script: str) -> None:
    lines = run(f"{script} --stream")
    first, second = (int(tokens.replace(",", "")) for tokens in values(lines, "read from the cache"))
    assert first == 0
    assert second > 1024
    assert values(lines, "result") == ["miss", "hit"]
