"""The command `run`. Everything it needs besides click is imported when it runs."""

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
_MIN_COLUMNS = 40
"""The report is laid out for this many columns at least, even if the terminal says that it has fewer, or none."""
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    short_help="Run a program, and report how its prompts were cached.",
)
@click.option(
    "--json", "json_file", type=_FILE, metavar="FILE", help="Write the report to this file as JSON."
)
@click.option(
    "--html", "html_file", type=_FILE, metavar="FILE", help="Write the report to this file as one HTML page."
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Maximum number of findings to print.",
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
    """Run a program and report how its prompts were cached, what that cost, and why.

    \b
        otel-promptcache run -- python app.py
        otel-promptcache run --html report.html -- pytest tests

    The program and the Python processes that it starts are observed. It needs no changes, and its input, output
    and exit code are unaffected. The report follows on standard error.
    """  # noqa: D301  # click's marker for lines that are not rewrapped
    if json_file is not None and html_file is not None and json_file.absolute() == html_file.absolute():
        raise click.UsageError("--json and --html name the same file")
    for file in filter(None, (json_file, html_file)):
        if not file.absolute().parent.is_dir():
            raise click.UsageError(f"{named(str(file))}: there is no such directory")
    from otel_promptcache.report.observing.program import observed_environment, run_program  # noqa: PLC0415

    with _temporary_folder() as directory:
        try:
            exit_code = run_program(command, observed_environment(os.environ, directory))
        except OSError as error:
            is_script = command[0].endswith(".py")
            hint = (
                f"; to run a Python program, use `otel-promptcache run -- python {command[0]}`"
                if is_script
                else ""
            )
            say(f"cannot run {command[0]}: {error.strerror}{hint}")
            context.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)
        try:
            _report(directory, exit_code, json_file, html_file, top)
        except Exception as error:  # noqa: BLE001  # whatever happens to the report, the exit code is the program's
            say(f"cannot make the report: {type(error).__name__}: {error}")
    context.exit(exit_code)


@contextmanager
def _temporary_folder() -> Generator[Path, None, None]:
    """Make a folder that is removed afterwards, even if the program has put something else in its place."""
    folder = Path(tempfile.mkdtemp(prefix="otel-promptcache-"))
    try:
        yield folder
    finally:
        with suppress(OSError):
            # Only for a folder: `rmtree` opens it first, and would wait for a pipe in its place.
            if stat.S_ISDIR(folder.lstat().st_mode):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.unlink()


def _report(
    directory: Path, exit_code: int, json_file: Path | None, html_file: Path | None, top: int
) -> None:
    from otel_promptcache.report.reading.gather import gather  # noqa: PLC0415
    from otel_promptcache.report.reading.listed import standard_prices  # noqa: PLC0415
    from otel_promptcache.report.rendering.document import as_document  # noqa: PLC0415
    from otel_promptcache.report.rendering.page.html import render  # noqa: PLC0415
    from otel_promptcache.report.report import build_report  # noqa: PLC0415

    gathered = gather(directory)
    report = build_report(gathered.calls, standard_prices(os.environ))
    # The files come first, as the terminal may be gone. A failure of one of the three does not stop the others.
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
    """Write a file if one is wanted; return why it could not be written, or None."""
    try:
        if file is not None:
            file.write_text(make(), encoding="utf-8")
    except Exception as error:  # noqa: BLE001  # a failure of one file must not affect the other
        reason = error.strerror if isinstance(error, OSError) else None
        return f"cannot write {file}: {reason or f'{type(error).__name__}: {error}'}"
    return None


def _print(report: Report, gathered: Gathered, top: int) -> None:
    from rich.console import Console  # noqa: PLC0415

    from otel_promptcache.report.rendering.notes import why_empty  # noqa: PLC0415
    from otel_promptcache.report.rendering.terminal import view  # noqa: PLC0415

    if not report.total.requests:
        say(why_empty(gathered))
        return
    console = Console(stderr=True, highlight=False)
    console.width = max(console.width, _MIN_COLUMNS)
    with console.capture() as capture:
        console.print(view(report, gathered, top))
    write(_PADDING.sub("", capture.get()))
