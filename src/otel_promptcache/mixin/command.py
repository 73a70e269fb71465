"""The command `otel-promptcache mixin`: a setting is an option, and nothing else can be set."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import Field, fields
from enum import Enum
from pathlib import Path
from typing import Any

import click

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration, parse_duration

_NEEDED_FOR_DASHBOARDS = (3, 11)
_Command = Callable[..., None]


def _seconds(text: str) -> int:
    """Read a duration; a click.BadParameter says what is wrong with it."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _member_of(kind: type[Enum]) -> Callable[[click.Context, click.Parameter, Any], object]:
    return lambda _context, _parameter, value: kind(value)


def _option(one: Field[Any]) -> Callable[[_Command], _Command]:
    """Make the option of a setting; whole seconds are written as PromQL writes durations."""
    values, is_many = _defaults(one.name)
    sample: object = values[0] if values else ""
    # A margin is a fraction of a second, not a window.
    is_duration = one.name.endswith("_seconds") and isinstance(sample, int)
    kind: Any = type(sample)
    made: Callable[[click.Context, click.Parameter, Any], object] | None = None
    if is_duration:
        kind, values = _seconds, list(map(duration, values))
    elif isinstance(sample, Enum):
        made = _member_of(type(sample))
        kind, values = click.Choice([choice.value for choice in type(sample)]), [sample.value]
    flag = one.name.removesuffix("_seconds") if is_duration else one.name
    return click.option(
        f"--{flag.replace('_', '-')}",
        one.name,
        type=kind,
        callback=made,
        metavar="DURATION" if is_duration else None,
        multiple=is_many,
        default=values if is_many else values[0],
        show_default=any(values),
        help=f"{one.metadata['meaning']}.{' May be given several times.' if is_many else ''}",
    )


def _defaults(name: str) -> tuple[list[Any], bool]:
    """Return the default of a setting, or the several it has, and whether it may have several."""
    value: Any = getattr(MixinConfig(), name)
    return ([*value], True) if isinstance(value, tuple) else ([value], False)


def _with_settings(command: _Command) -> _Command:
    for one in reversed(fields(MixinConfig)):
        command = _option(one)(command)
    return command


@click.command("mixin")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The directory that the files are written to.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the directory's files are not these.")
@_with_settings
def mixin_command(*, out: Path, check: bool, **settings: Any) -> None:
    """Write dashboards for Grafana, and recording rules and alerts for Prometheus or Grafana."""
    if sys.version_info < _NEEDED_FOR_DASHBOARDS:
        raise click.ClickException("dashboards are made with a package that needs Python 3.11 or newer")
    try:
        config = MixinConfig(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        from otel_promptcache.mixin.render import render  # noqa: PLC0415

        files = render(config)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the package {error.name} is missing; pip install 'otel-promptcache[mixin]' brings it"
        ) from None
    if check:
        _compare(out, files)
        return
    for path, text in files.items():
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        click.echo(str(file))


def _compare(out: Path, files: dict[str, str]) -> None:
    """Raise a click.ClickException that names the files that are missing or not the same."""
    stale = [path for path, text in files.items() if not _is_same(out / path, text)]
    if stale:
        raise click.ClickException(f"not up to date in {out}: {', '.join(stale)}")


def _is_same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text
