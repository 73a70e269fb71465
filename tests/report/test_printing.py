"""The files are written and the exit code is kept, whatever happens to the printed output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.hostile import command, page, report, run
from tests.report.programs import TIMEOUT_SECONDS

ONE_CALL = (
    "write(line(promptcache__prefix__name='naïve — bot', promptcache__miss__reason='expired'))\nsys.exit(7)"
)


def both_files_are_written(tmp_path: Path) -> bool:
    return report(tmp_path)["total"]["requests"] == 1 and "Templates" in page(tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "latin-1:strict", "cp1252:strict"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, ONE_CALL), env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
    )  # fmt: skip
    assert done.returncode == 7
    assert b"Prompt caching by template" in done.stderr
    assert b"The cached prefix expires" in done.stderr
    ours = ("\N{EN DASH}", "→", "─", "━", "│", "·")
    assert not [each for each in ours if each.encode("ascii", "backslashreplace") in done.stderr]
    assert both_files_are_written(tmp_path)


def test_a_reader_that_is_gone_changes_no_exit_code(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(tmp_path, ONE_CALL), stderr=writing, timeout=TIMEOUT_SECONDS, check=False)
    os.close(writing)
    assert done.returncode == 7
    assert both_files_are_written(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_standard_error_that_takes_nothing_changes_no_exit_code(redirection: str, tmp_path: Path) -> None:
    shell = ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *command(tmp_path, ONE_CALL)]
    assert subprocess.run(shell, timeout=TIMEOUT_SECONDS, check=False).returncode == 7
    assert both_files_are_written(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs permissions")
@pytest.mark.parametrize("broken", ["json", "html"])
def test_a_file_that_cannot_be_written_does_not_keep_the_other_from_it(broken: str, tmp_path: Path) -> None:
    # The path becomes a folder while the program runs.
    done = run(tmp_path, f"os.mkdir({str(tmp_path / f'r.{broken}')!r})\n{ONE_CALL}")
    assert done.returncode == 7
    assert f"otel-promptcache: cannot write {tmp_path / f'r.{broken}'}: Is a directory\n" in done.stderr
    assert "Prompt caching by template" in done.stderr
    other = tmp_path / ("r.html" if broken == "json" else "r.json")
    assert "expires" in other.read_text(encoding="utf-8")


def test_a_program_that_cannot_be_started_is_named_as_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otel_promptcache.report", "--", "no\x1b[31msuch[/x]"], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )  # fmt: skip
    assert done.returncode == 127
    assert done.stderr == "otel-promptcache: cannot run no\\x1b[31msuch[/x]: No such file or directory\n"


def test_a_file_name_on_the_command_line_is_shown_as_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otel_promptcache.report", "--json", "/no\x1b[31m/such", "--", "true"],
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
