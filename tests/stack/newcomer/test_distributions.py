"""What is published: everything that the package needs, nothing else, and a self-contained description."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.stack.newcomer.package import ROOT

PACKAGE = ROOT / "src" / "otel_promptcache"
REPOSITORY = "https://github.com/otel-promptcache/otel-promptcache"
RAW = "https://raw.githubusercontent.com/otel-promptcache/otel-promptcache/main/"


@pytest.fixture(scope="module")
def files(distributions: tuple[Path, Path]) -> set[str]:
    with zipfile.ZipFile(distributions[1]) as wheel:
        return set(wheel.namelist())


@pytest.fixture(scope="module")
def metadata(distributions: tuple[Path, Path]) -> Message:
    with zipfile.ZipFile(distributions[1]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(name))


def test_the_wheel_has_every_file_of_the_package_and_no_other(files: set[str]) -> None:
    expected = {
        file.relative_to(PACKAGE.parent).as_posix()
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in files if ".dist-info/" not in name} == expected
    assert {"otel_promptcache/py.typed", "otel_promptcache/report/rendering/page/page.css"} <= expected
    assert "otel_promptcache/report/observing/bootstrap/sitecustomize.py" in expected
    assert {Path(name).suffix for name in expected} == {".py", ".typed", ".lua", ".css", ".js"}


def test_the_source_has_what_is_needed_to_build_and_test_it(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[0]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "tests/conftest.py",
        "Makefile",
    } <= names
    assert not [name for name in names if name.startswith((".venv", ".git/", "build/"))]


def test_both_are_accepted_by_the_index(distributions: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *distributions]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 2


def test_links_and_pictures_of_the_description_are_absolute(metadata: Message) -> None:
    description = str(metadata.get_payload())
    links = re.findall(r"\]\(([^)\s]+)|\b(?:href|src|srcset)=\"([^\"]+)", description)
    targets = [one or other for one, other in links]
    assert targets
    assert [one for one in targets if not one.startswith(("https://", "http://", "#"))] == []


def test_they_lead_to_files_that_are_there(metadata: Message) -> None:
    description = str(metadata.get_payload())
    pages = re.findall(rf"{REPOSITORY}/(?:blob|tree)/main/([^)#\"\s]+)", description)
    pictures = re.findall(rf"{RAW}([^)#\"\s]+)", description)
    assert pages
    assert [name for name in [*pages, *pictures] if not (ROOT / name).exists()] == []
    assert not [name for name in pages if Path(name).suffix in {".png", ".svg", ".gif"}]


def test_the_description_is_the_readme(metadata: Message) -> None:
    headings = re.compile(r"^#+ .*$", re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert headings.findall(str(metadata.get_payload())) == headings.findall(readme)
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_what_a_reader_finds_beside_it(metadata: Message) -> None:
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Source"} == set(urls)
    for url in urls.values():
        path = url.removeprefix(REPOSITORY).partition("/main/")[2]
        assert url.startswith(REPOSITORY)
        assert (ROOT / path).exists()
    extras = set(metadata.get_all("Provides-Extra", []))
    assert {"anthropic", "auto", "demo", "fleet", "mixin", "openai", "otlp"} <= extras
    assert metadata["Requires-Python"] == ">=3.10"
