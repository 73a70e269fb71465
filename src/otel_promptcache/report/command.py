"""The command `run`. What it needs beside click is imported when it runs."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import click

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
            raise click.UsageError(f"{file}: there is no such directory")
    from otel_promptcache.report.program import observed_environment, run_program  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="otel-promptcache-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        try:
            exit_code = run_program(command, observed_environment(os.environ, directory))
        except OSError as error:
            click.echo(f"otel-promptcache: cannot run {command[0]}: {error.strerror}", err=True)
            context.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)
        try:
            _report(directory, exit_code, json_file, html_file, top)
        except Exception as error:  # noqa: BLE001  # whatever befalls the report, the exit code is the program's
            click.echo(f"otel-promptcache: no report: {type(error).__name__}: {error}", err=True)
    context.exit(exit_code)


def _report(
    directory: Path, exit_code: int, json_file: Path | None, html_file: Path | None, top: int
) -> None:
    from rich.console import Console  # noqa: PLC0415

    from otel_promptcache.report.document import as_document  # noqa: PLC0415
    from otel_promptcache.report.gather import gather  # noqa: PLC0415
    from otel_promptcache.report.html import render  # noqa: PLC0415
    from otel_promptcache.report.report import build_report  # noqa: PLC0415
    from otel_promptcache.report.terminal import view, why_empty  # noqa: PLC0415

    gathered = gather(directory)
    report = build_report(gathered.calls)
    if report.total.requests:
        console = Console(stderr=True, highlight=False)
        with console.capture() as capture:
            console.print(view(report, gathered, top))
        click.echo(_PADDING.sub("", capture.get()), err=True, nl=False)
    else:
        click.echo(f"otel-promptcache: {why_empty(gathered)}", err=True)
    if json_file is not None:
        document = as_document(report, gathered, exit_code)
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if html_file is not None:
        html_file.write_text(render(report, gathered), encoding="utf-8")
