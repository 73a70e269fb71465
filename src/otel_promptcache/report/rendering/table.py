"""The templates of a report as a table in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.rendering.columns import Column, Fitted, fit, lines
from otel_promptcache.report.rendering.figures import HIT_RATIO, Figure, figures
from otel_promptcache.report.rendering.plain import name, plain
from otel_promptcache.report.rendering.templates import origin
from otel_promptcache.report.rendering.wording import counted
from otel_promptcache.report.report import Report

GOOD_RATIO, POOR_RATIO = 0.6, 0.3
MOST_ROWS = 100
"""Nobody reads more of them in a terminal."""
_LEAST_NAME_CELLS = 16
"""The width of a fingerprint."""
_LEAST_ORIGIN_CELLS, _LEAST_TITLE_CELLS = 30, 30
_BAR_CELLS = 10
_BAR = "━"
_ORIGIN = "model, API and call site"


def template_table(report: Report) -> RenderableType:
    """Show a row for each of the most frequent templates, and the total of all if there are several."""
    shown = report.rows[:MOST_ROWS]
    rows = (*shown, report.total) if len(report.rows) > 1 else shown
    return Fitted(lambda width: Group(*_lines(report, rows, width)))


def _lines(report: Report, rows: Sequence[TemplateRow], width: int) -> Iterator[Text]:
    layout = fit(list(_columns(report, rows)), width)
    has_origins = any(column.header == _ORIGIN for column in layout.columns)
    notes = [None if has_origins or row.is_named else _origin(report, row) for row in rows]
    yield from lines(layout, notes, has_total=rows[-1] is report.total)
    if (more := len(report.rows) - MOST_ROWS) > 0:
        yield Text(f"{counted(more, 'further template')}: --json has all of them.", "dim")
    if layout.left_out:
        names = ", ".join(column.header.replace("\n", " ") for column in layout.left_out)
        yield Text(f"This terminal is too narrow for: {names}.", "dim")


def _columns(report: Report, rows: Sequence[TemplateRow]) -> Iterator[Column]:
    names = [name(row.template) for row in rows]
    yield Column(header="template", cells=names, is_text=True, least_width=_LEAST_NAME_CELLS)
    for figure in figures(report):
        cells = [Text(figure.text(row), _style(figure, row)) for row in rows]
        header = figure.header.replace(" ", "\n").replace("\n$", " $")
        yield Column(header=header, rank=figure.rank, cells=cells)
        if figure.header == HIT_RATIO:
            bars = [ratio_bar(row.eligible_hit_ratio, _BAR_CELLS) for row in rows]
            yield Column(header="", rank=1, cells=bars, is_extra=True)
    for rank, header, cells, least_width in (
        (2, _ORIGIN, [_origin(report, row) or Text() for row in rows], _LEAST_ORIGIN_CELLS),
        (3, "most expensive finding", _titles(report, rows), _LEAST_TITLE_CELLS),
    ):
        if any(cell.plain for cell in cells):
            yield Column(
                header=header, rank=rank, cells=cells, is_extra=True, is_text=True, least_width=least_width
            )


def _style(figure: Figure, row: TemplateRow) -> str:
    if figure.header == HIT_RATIO:
        return ratio_style(figure.value(row))
    return "red" if figure.is_alarming(row) else ""


def _origin(report: Report, row: TemplateRow) -> Text | None:
    text = "" if row is report.total else origin(row)
    return plain(text, "dim") if text else None


def _titles(report: Report, rows: Sequence[TemplateRow]) -> list[Text]:
    """The first finding about each template, with its number."""
    first: dict[str | None, Text] = {}
    for number, finding in enumerate(report.findings, 1):
        first.setdefault(finding.template, plain(f"{number}. {finding.title}"))
    return [Text() if row is report.total else first.get(row.template, Text()) for row in rows]


def ratio_style(ratio: float | None) -> str:
    """The colour of a hit ratio."""
    if ratio is None:
        return ""
    return "green" if ratio >= GOOD_RATIO else "yellow" if ratio >= POOR_RATIO else "red"


def ratio_bar(ratio: float | None, cells: int) -> Text:
    """A hit ratio as a bar of at most this many cells."""
    full = round((ratio or 0.0) * cells)
    return Text(_BAR * full + " " * (cells - full), ratio_style(ratio))
