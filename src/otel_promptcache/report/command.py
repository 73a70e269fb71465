"""The command `run`. What it needs beside click is imported when it runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_promptcache.core.quoting import named
from otel_promptcache.report.rendering.saying import say, write

if TYPE_CHECKING:
    from otel_promptcache.report.reading.gather import Gathered
    from otel_promptcache.report.report import Report

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126

_PADDING = re.compile(r"[ ]+$", re.MULTILINE)
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    short_help="Run a program, and say how its prompts were cached.",
)
@click.option(
    "--json", "json_file", type=_FILE, metavar="FILE", help="Write the report to this file as JSON."
)
@click.option("--html", "html_file", type=_FILE, metavar="FILE", help="Write it as one page of HTML.")
@click.option(
    "--top", type=click.IntRange(min=0), default=5, show_default=True, help="How many findings are printed."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def run_command(
    context: click.Context,
    /,
    *,
    json_file: Path | None,
    html_file: Path | None,
    top: int,
    command: tuple[str, ...],
) -> None:
    """Run a program and say how its prompts were cached, what that cost, and why.

    \b
        otel-promptcache run -- python app.py
        otel-promptcache run --html report.html -- pytest tests

    The program and the Python processes that it starts are observed; nothing in it has to be changed, and its
    input, output and exit code are its own. The report follows on standard error.
    """  # noqa: D301  # click's mark for lines that are to stay as they are
    for file in filter(None, (json_file, html_file)):
        if not file.absolute().parent.is_dir():
            raise click.UsageError(f"{named(str(file))}: there is no such directory")
    from otel_promptcache.report.observing.program import observed_environment, run_program  # noqa: PLC0415

    with _temporary_folder() as directory:
        try:
            exit_code = run_program(command, observed_environment(os.environ, directory))
        except OSError as error:
            say(f"cannot run {command[0]}: {error.strerror}")
            context.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)
        try:
            _report(directory, exit_code, json_file, html_file, top)
        except Exception as error:  # noqa: BLE001  # whatever befalls the report, the exit code is the program's
            say(f"no report: {type(error).__name__}: {error}")
    context.exit(exit_code)


@contextmanager
def _temporary_folder() -> Generator[Path, None, None]:
    """Make a folder that is taken away afterwards, whatever the program has made of it."""
    folder = Path(tempfile.mkdtemp(prefix="otel-promptcache-"))
    try:
        yield folder
    finally:
        with suppress(OSError):
            # Only of a folder: to take a tree away opens it first, and a pipe in its place would be waited for.
            if stat.S_ISDIR(folder.lstat().st_mode):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.unlink()


def _report(
    directory: Path, exit_code: int, json_file: Path | None, html_file: Path | None, top: int
) -> None:
    from otel_promptcache.report.reading.gather import gather  # noqa: PLC0415
    from otel_promptcache.report.rendering.document import as_document  # noqa: PLC0415
    from otel_promptcache.report.rendering.html import render  # noqa: PLC0415
    from otel_promptcache.report.report import build_report  # noqa: PLC0415

    gathered = gather(directory)
    report = build_report(gathered.calls)
    # The files come first, as a terminal may be gone; and none of the three keeps the others from being made.
    faults = [
        _written(json_file, lambda: json.dumps(as_document(report, gathered, exit_code), indent=2) + "\n"),
        _written(html_file, lambda: render(report, gathered)),
    ]
    try:
        _print(report, gathered, top)
    finally:
        for fault in filter(None, faults):
            say(fault)


def _written(file: Path | None, make: Callable[[], str]) -> str | None:
    """Write a file, if it is wanted; say what kept it from being written, None for nothing."""
    try:
        if file is not None:
            file.write_text(make(), encoding="utf-8")
    except Exception as error:  # noqa: BLE001  # a fault of one file is none of the other
        reason = error.strerror if isinstance(error, OSError) else None
        return f"cannot write {file}: {reason or f'{type(error).__name__}: {error}'}"
    return None


def _print(report: Report, gathered: Gathered, top: int) -> None:
    from rich.console import Console  # noqa: PLC0415

    from otel_promptcache.report.rendering.terminal import view, why_empty  # noqa: PLC0415

    if not report.total.requests:
        say(why_empty(gathered))
        return
    console = Console(stderr=True, highlight=False)
    with console.capture() as capture:
        console.print(view(report, gathered, top))
    write(_PADDING.sub("", capture.get()))
