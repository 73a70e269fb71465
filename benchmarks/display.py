"""Prints figures and progress."""

# ruff: noqa: T201  # these programs print

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called before each step with its description."""

    def __call__(self, step: str) -> None:
        """Show the step."""


@contextmanager
def progress(steps: int) -> Iterator[Advance]:
    """Show progress on stderr: a bar on a terminal, else one line per step."""
    if not sys.stderr.isatty():
        yield lambda step: print(step, file=sys.stderr, flush=True)
        return
    from rich.console import Console  # noqa: PLC0415  # not needed without a terminal
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=steps, completed=-1)
        yield lambda step: bar.update(task, advance=1, description=step)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines unchanged and flush each."""
    for line in lines:
        print(line, flush=True)


def print_section(title: str, explanation: str) -> None:
    """Print the heading of a table and an explanation of its figures."""
    print_lines([f"### {title}", "", explanation])


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table; the first column is text, the others are figures."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print()
    for row in (headers, rule, *rows):
        figures = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        print(f"| {row[0]:<{widths[0]}} | {' | '.join(figures)} |")
    print()
