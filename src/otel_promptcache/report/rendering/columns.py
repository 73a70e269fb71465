"""A table that fits the terminal: headers only break between words, and columns that do not fit are named instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

_NARROW_GAP, _WIDE_GAP = 1, 2
_COMFORTABLE_TEXT = 40
_BREAKABLE = re.compile(r"[^\s\-_./:,]*[\s\-_./:,]*")
"""A name may be broken after each of these."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A column that may be shown."""

    header: str
    """Never broken further than into its own lines."""
    cells: Sequence[Text]
    """One for each row."""
    rank: int = 0
    """The column with the highest rank is left out first; 0 is never left out."""
    is_extra: bool = False
    """Whether it is shown only if all others fit."""
    is_text: bool = False
    """Whether it is aligned to the left, and broken into lines if necessary."""
    least_width: int = 0
    """For text: the number of cells below which it is unreadable."""

    reserved_width: int = 0
    """Its minimum width, whatever its content, so that a table that is updated in place does not shift."""

    @property
    def natural_width(self) -> int:
        """Its width without breaking any line."""
        texts = (*self.header.split("\n"), *(each.plain for each in self.cells))
        return max(self.reserved_width, *map(cell_len, texts))

    @property
    def comfortable_width(self) -> int:
        """Its width before extra columns get any room."""
        natural_width = self.natural_width
        return min(natural_width, max(self.least_width, _COMFORTABLE_TEXT)) if self.is_text else natural_width

    @property
    def needed_width(self) -> int:
        """Its minimum width."""
        natural_width = self.natural_width
        return min(natural_width, self.least_width) if self.is_text else natural_width


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are shown, and how wide."""

    columns: Sequence[Column]
    widths: Sequence[int]
    gap: int
    left_out: Sequence[Column]
    """For lack of room; without extra columns."""

    @property
    def width(self) -> int:
        """The width of the whole table."""
        return sum(self.widths) + self.gap * (len(self.widths) - 1)


def fit(columns: Sequence[Column], width: int) -> Layout:
    """Choose the columns that fit into this many cells."""
    chosen = [column for column in columns if not column.is_extra]
    room = width - sum(each.comfortable_width for each in chosen) - _WIDE_GAP * (len(chosen) - 1)
    if room >= 0:
        for extra in sorted((each for each in columns if each.is_extra), key=lambda each: each.rank):
            if (taken := _WIDE_GAP + extra.needed_width) <= room:
                chosen.append(extra)
                room -= taken
        return _layout(columns, chosen, width, _WIDE_GAP)
    while _needed(chosen) > width and any(column.rank for column in chosen):
        chosen.remove(max(chosen, key=lambda column: column.rank))
    return _layout(columns, chosen, width, _NARROW_GAP)


def _layout(columns: Sequence[Column], chosen: Sequence[Column], width: int, gap: int) -> Layout:
    in_order = [column for column in columns if column in chosen]
    widths = [column.needed_width for column in in_order]
    room = width - sum(widths) - gap * (len(widths) - 1)
    for index, column in enumerate(in_order):
        more = max(0, min(room, column.natural_width - widths[index]))
        widths[index] += more
        room -= more
    left_out = [each for each in columns if not each.is_extra and each not in chosen]
    return Layout(in_order, widths, gap, left_out)


def _needed(columns: Sequence[Column]) -> int:
    return sum(each.needed_width for each in columns) + _NARROW_GAP * (len(columns) - 1)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Something that is rendered for the available width."""

    make: Callable[[int], RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield self.make(options.max_width)


def lines(layout: Layout, notes: Sequence[Text | None], *, has_total: bool) -> Iterator[Text]:
    """Print a table.

    Args:
        layout: Its columns.
        notes: What is said below each row, across all columns; None for nothing.
        has_total: The last row is the sum of the others.
    """
    headers = [column.header.split("\n") for column in layout.columns]
    height = max(map(len, headers))
    for line in range(height):
        cells = [
            Text("" if line < height - len(each) else each[line - height + len(each)]) for each in headers
        ]
        yield _joined(layout, cells, "bold")
    rule = Text("─" * layout.width, no_wrap=True)
    yield rule
    for row, note in enumerate(notes):
        is_total = has_total and row == len(notes) - 1
        if is_total:
            yield rule
        yield from _row(layout, row, "bold" if is_total else "")
        if note is not None:
            yield Text.assemble("  ", note, style="dim")


def _row(layout: Layout, row: int, style: str) -> Iterator[Text]:
    cells = [
        folded(column.cells[row], width) if column.is_text else [column.cells[row]]
        for column, width in zip(layout.columns, layout.widths, strict=True)
    ]
    for line in range(max(map(len, cells))):
        yield _joined(layout, [each[line] if line < len(each) else Text() for each in cells], style)


def _joined(layout: Layout, cells: Sequence[Text], style: str) -> Text:
    joined = Text(style=style, no_wrap=True, overflow="ignore")
    for index, (column, width, cell) in enumerate(zip(layout.columns, layout.widths, cells, strict=True)):
        padding = " " * (width - cell.cell_len)
        gap = " " * layout.gap if index else ""
        joined = joined.append(gap)
        joined = (
            joined.append_text(cell).append(padding)
            if column.is_text
            else joined.append(padding).append_text(cell)
        )
    joined.rstrip()
    return joined


def folded(text: Text, width: int) -> list[Text]:
    """Break a name into lines, after its separators if they are close enough together."""
    pieces = [
        piece
        for word in _BREAKABLE.findall(text.plain)
        for piece in (chop_cells(word, width) if cell_len(word.rstrip()) > width else [word])
    ]
    broken = [""]
    for piece in pieces:
        if cell_len((broken[-1] + piece).rstrip()) > width:
            broken.append("")
        broken[-1] += piece
    return [Text(line.rstrip(), text.style) for line in broken]
