"""What the README says is true: its commands exist, its tables match the code, its links work on PyPI."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
from opentelemetry.sdk import environment_variables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    command
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    for command in line.partition("#")[0].strip().split(" && ")
]


def test_there_are_commands() -> None:
    assert {command.split()[0] for command in COMMANDS} == {
        "export",
        "make",
        "pip",
        "opentelemetry-instrument",
        "otel-promptcache",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str) -> None:
    program, *arguments = command.split()
    if program == "make":
        subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)  # noqa: S607
    elif program == "pip":
        extras = set(re.findall(r"\w+", command.partition("[")[2]))
        assert extras <= set(metadata("otel-promptcache").get_all("Provides-Extra") or ())
    elif program == "export":
        name = arguments[0].partition("=")[0]
        assert name in vars(environment_variables).values()
    else:
        assert Path(sys.executable).with_name(program).exists()


def test_links_and_pictures_work_on_pypi() -> None:
    description = str(metadata("otel-promptcache").json["description"])
    links = re.findall(r"\]\(([^)]+)\)", description)
    assert len(links) == len(re.findall(r"\]\(([^)]+)\)", README))
    assert all(link.startswith("https://") for link in links)


def made_by(target: str) -> str:
    """What make would run for a target in a fresh clone."""
    arguments = ["make", "--dry-run", "--always-make", target]
    return subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_first_commands_install_with_pip_alone_and_in_locked_versions(target: str) -> None:
    commands = made_by(target)
    assert "uv" not in re.findall(r"\w+", commands)
    assert "Installing what the" in commands
    installing = [line for line in commands.splitlines() if "pip install" in line]
    assert installing
    assert all("--constraint requirements-dev.txt" in line for line in installing)


def test_the_demo_installs_no_tools_of_the_development() -> None:
    assert "'.[demo]'" in made_by("demo")
    assert "--group" not in made_by("demo")
    assert "--requirement" not in made_by("test")


def test_generated_tables_are_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], check=True)
