"""What a contributor finds: one script for all checks, wherever they run, and correct commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yaml"
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_public_checks_are_those_of_the_repository() -> None:
    workflow = WORKFLOW.read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in workflow
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "[windows-latest, macos-latest]" in workflow


def test_the_checks_build_the_package() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make check" in script
    command = ["make", "--dry-run", "--always-make", "check"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "-m build" in done
    assert "twine check --strict" in done
    for system in ("Windows", "Darwin"):
        assert f"pyright --pythonplatform {system}" in done


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", CONTRIBUTING))))
def test_targets_that_are_named_exist(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)  # noqa: S607


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:src|tests|docs|\.ci)/[\w./-]+)`", CONTRIBUTING)))
)
def test_files_that_are_named_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_no_address_is_made_up() -> None:
    pages = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
    for page in [*pages, *ROOT.glob(".github/**/*.*")]:
        assert not re.search(r"\w@[\w-]+\.\w", page.read_text(encoding="utf-8")), page
