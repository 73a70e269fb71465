"""What the README says is true: its commands exist, its tables are those of the code, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]


def test_there_are_commands() -> None:
    assert {command.split()[0] for command in COMMANDS} == {
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
    else:
        assert Path(sys.executable).with_name(program).exists()


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


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")], ids=str
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
