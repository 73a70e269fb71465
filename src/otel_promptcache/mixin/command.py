"""The command `otel-promptcache mixin`: each setting is an option, and nothing else can be set."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import Field, fields
from enum import Enum
from pathlib import Path
from typing import Any

import click

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration, parse_duration
from otel_promptcache.mixin.grafana_api import Grafana, GrafanaError
from otel_promptcache.mixin.texts import check_address
from otel_promptcache.mixin.upload import upload
from otel_promptcache.mixin.values import SettingError

TOKEN_VARIABLE = "GRAFANA_TOKEN"  # noqa: S105  # the name of a variable
_NEEDED_FOR_DASHBOARDS = (3, 11)
_Command = Callable[..., None]

_LAST_HEADING = "Help"
_HEADINGS = {
    "out": "Output",
    "selector": "Selection: which metrics, and how they are stored",
    "datasource": "Grafana: data sources, folder and links",
    "earlier_seconds": "Windows and baselines",
    "min_requests_slow": "Thresholds of the alerts",
}
"""Headings of the help, by the first option below each."""


def _seconds(text: str) -> int:
    """Parse a duration; a click.BadParameter says what is wrong with it."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _member_of(kind: type[Enum]) -> Callable[[click.Context, click.Parameter, Any], object]:
    return lambda _context, _parameter, value: kind(value)


def _option(one: Field[Any]) -> Callable[[_Command], _Command]:
    """Make the option for a setting; whole seconds are written as PromQL durations."""
    values, is_many = _defaults(one.name)
    sample: object = values[0] if values else ""
    is_duration = _is_duration(one.name)
    kind: Any = type(sample)
    made: Callable[[click.Context, click.Parameter, Any], object] | None = None
    if is_duration:
        kind, values = _seconds, list(map(duration, values))
    elif isinstance(sample, Enum):
        made = _member_of(type(sample))
        kind, values = click.Choice([choice.value for choice in type(sample)]), [sample.value]
    return click.option(
        _flag(one.name),
        one.name,
        type=kind,
        callback=made,
        metavar="DURATION" if is_duration else None,
        multiple=is_many,
        default=values if is_many else values[0],
        show_default=any(values),
        help=f"{one.metadata['meaning']}.{' May be repeated.' if is_many else ''}",
    )


def _is_duration(name: str) -> bool:
    # A margin is a fraction of a second, not a window.
    values, _ = _defaults(name)
    return name.endswith("_seconds") and isinstance(values[0], int)


def _flag(name: str) -> str:
    return f"--{(name.removesuffix('_seconds') if _is_duration(name) else name).replace('_', '-')}"


def _shown(error: SettingError) -> str:
    """Write a value as it is given on the command line."""
    is_duration = _is_duration(error.name)
    return " ".join(duration(one) if is_duration and one > 0 else repr(one) for one in error.values)


def _defaults(name: str) -> tuple[list[Any], bool]:
    """Return the defaults of a setting, one or more, and whether it may have several."""
    value: Any = getattr(MixinConfig(), name)
    return ([*value], True) if isinstance(value, tuple) else ([value], False)


def _with_settings(command: _Command) -> _Command:
    for one in reversed(fields(MixinConfig)):
        command = _option(one)(command)
    return command


class _Grouped(click.Command):
    """A command whose options are listed under headings, in the order in which they are declared."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        heading = _LAST_HEADING
        for parameter in self.get_params(ctx):
            is_help = "--help" in parameter.opts
            heading = _LAST_HEADING if is_help else _HEADINGS.get(parameter.name or "", heading)
            if (record := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(heading, []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


@click.command("mixin", cls=_Grouped, short_help="Write Grafana dashboards and Prometheus alerts.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write the files to.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; fail if the files in the directory are not up to date."
)
@click.option(
    "--grafana-api",
    metavar="URL",
    help=f"Upload the dashboards to this Grafana, with the token in the environment variable {TOKEN_VARIABLE}.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing in Grafana; print what would change.")
@_with_settings
def mixin_command(
    *, out: Path | None, check: bool, grafana_api: str | None, dry_run: bool, **settings: Any
) -> None:
    """Write Grafana dashboards and Prometheus alerts.

    The files for --out also contain the recording rules, and the alerts once more in Grafana's format. With
    --grafana-api, the dashboards are uploaded.
    """
    if sys.version_info < _NEEDED_FOR_DASHBOARDS:
        raise click.ClickException("this command needs Python 3.11 or newer")
    if out is None and grafana_api is None:
        raise click.UsageError("Give --out DIRECTORY, --grafana-api URL, or both.")
    if (check and out is None) or (dry_run and grafana_api is None):
        raise click.UsageError("--check requires --out, and --dry-run requires --grafana-api.")
    try:
        config = MixinConfig(**settings)
    except SettingError as error:
        raise click.BadParameter(f"{_shown(error)}: {error.problem}", param_hint=_flag(error.name)) from None
    grafana = None if grafana_api is None else _grafana(grafana_api)
    try:
        from otel_promptcache.mixin.boards.dashboards import dashboards  # noqa: PLC0415
        from otel_promptcache.mixin.render import render  # noqa: PLC0415

        files, boards = render(config), dashboards(config)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the package {error.name} is missing; install it with: pip install 'otel-promptcache[mixin]'"
        ) from None
    if out is not None:
        (_compare if check else _write)(out, files)
    if grafana is not None:
        try:
            for line in upload(grafana, config, boards, is_dry_run=dry_run):
                click.echo(line)
        except GrafanaError as error:
            raise click.ClickException(str(error)) from None


def _grafana(address: str) -> Grafana:
    """Return the Grafana at an address; a click.UsageError says what is missing."""
    try:
        check_address(address)
    except ValueError as error:
        raise click.BadParameter(f"{address!r}: {error}", param_hint="--grafana-api") from None
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise click.UsageError(
            "--grafana-api needs the token of a Grafana service account in the environment variable "
            f"{TOKEN_VARIABLE}, which is empty or not set."
        )
    try:
        return Grafana(address, token)
    except GrafanaError as error:
        raise click.UsageError(f"{TOKEN_VARIABLE}: {error}.") from None


def _write(out: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = out / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise click.ClickException(f"cannot write {file}: {error.strerror}") from None
        click.echo(str(file))


def _compare(out: Path, files: dict[str, str]) -> None:
    """Raise a click.ClickException that names the files that are missing or different."""
    stale = [path for path, text in files.items() if not _is_same(out / path, text)]
    if stale:
        raise click.ClickException(f"not up to date in {out}: {', '.join(stale)}")


def _is_same(file: Path, text: str) -> bool:
    try:
        return file.is_file() and file.read_bytes() == text.encode()
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
