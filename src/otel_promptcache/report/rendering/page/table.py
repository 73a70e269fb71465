"""The templates of a report as a table on the page, which its script can sort and filter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.rendering.figures import HIT_RATIO, Figure, figures
from otel_promptcache.report.rendering.page.markup import Markup, breakable, element, join
from otel_promptcache.report.rendering.templates import origin
from otel_promptcache.report.rendering.wording import NOT_KNOWN, counted
from otel_promptcache.report.report import Report

FEW_ROWS = 8
"""Up to this many can be looked through without a filter."""
MOST_ROWS = 1_000
"""A page with more is slow to open."""
_MANY_ROWS = 20
"""Above this the table scrolls on its own, under its header."""
_NOT_CACHEABLE = "not cacheable"
_SORTED_BY = "requests"


def templates_table(report: Report) -> Markup:
    """Show a row for each of the most frequent templates, and the total of all if there are several."""
    rows = report.rows[:MOST_ROWS]
    more = len(report.rows) - len(rows)
    shown = figures(report)
    found = _numbers(report.findings)
    head = element("thead", element("tr", *_headers(shown, has_findings=bool(found))))
    body = element("tbody", *(_row(row, shown, found) for row in rows), id="templates")
    foot = (
        [element("tfoot", _total(report.total, shown, has_findings=bool(found)))]
        if len(report.rows) > 1
        else []
    )
    is_long = len(report.rows) > _MANY_ROWS
    return join(
        filter_box("templates", "Filter templates") if len(report.rows) > FEW_ROWS else "",
        element(
            "p", "Scroll sideways for more columns ", element("span", "→", aria_hidden="true"), class_="hint"
        ),
        element(
            "div",
            element("table", head, body, *foot, class_="sortable"),
            class_="wide long" if is_long else "wide",
            tabindex=0,
            role="region",
            aria_label="Templates",
        ),
        element("p", f"{counted(more, 'further template')}: --json has all of them.", class_="note")
        if more
        else "",
    )


def filter_box(target: str, label: str) -> Markup:
    """A box that shows only the items of a list or table that contain what is typed; the script activates it."""
    return element(
        "p",
        element(
            "label", f"{label} ", element("input", type="search", autocomplete="off", spellcheck="false")
        ),
        element("span", role="status"),
        class_="filter",
        data_for=target,
        hidden="",
    )


def _numbers(findings: Sequence[Finding]) -> Mapping[str | None, list[int]]:
    """The numbers of the findings about each template."""
    numbers: defaultdict[str | None, list[int]] = defaultdict(list)
    for number, finding in enumerate(findings, 1):
        if finding.template is not None:
            numbers[finding.template].append(number)
    return numbers


def _headers(shown: Sequence[Figure], *, has_findings: bool) -> Iterator[Markup]:
    yield element("th", "template", scope="col")
    for figure in shown:
        is_first = figure.header == _SORTED_BY
        yield element(
            "th",
            figure.header,
            scope="col",
            title=figure.meaning,
            class_="number",
            aria_sort="descending" if is_first else None,
        )
    if has_findings:
        yield element("th", "findings", scope="col", title="Numbers of the findings above")


def _row(row: TemplateRow, shown: Sequence[Figure], found: Mapping[str | None, list[int]]) -> Markup:
    told = origin(row)
    name = element(
        "th",
        element("span", breakable(row.template), class_="name" if row.is_named else "name hash"),
        element("small", breakable(told)) if told else "",
        element("small", _NOT_CACHEABLE, title="Too short to be cached, or the model has no cache")
        if row.is_ineligible
        else "",
        scope="row",
        data_value=row.template,
    )
    links = [element("td", *_links(found.get(row.template, ())), class_="links")] if found else []
    return element("tr", name, *(_cell(figure, row) for figure in shown), *links)


def _links(numbers: Sequence[int]) -> Iterator[str | Markup]:
    for index, number in enumerate(numbers):
        yield " " if index else ""
        yield element("a", f"{number}", href=f"#finding-{number}", aria_label=f"Finding {number}")


def _total(total: TemplateRow, shown: Sequence[Figure], *, has_findings: bool) -> Markup:
    blank = [element("td")] if has_findings else []
    return element(
        "tr", element("th", "total", scope="row"), *(_cell(figure, total) for figure in shown), *blank
    )


def _cell(figure: Figure, row: TemplateRow) -> Markup:
    value, text = figure.value(row), figure.text(row)
    is_bar = figure.header == HIT_RATIO and value is not None
    return element(
        "td",
        text,
        _bar(value or 0.0) if is_bar else "",
        data_value="" if value is None else f"{value:.12g}",
        class_="number bad"
        if figure.is_alarming(row)
        else "number unknown"
        if text == NOT_KNOWN
        else "number",
    )


def _bar(ratio: float) -> Markup:
    bars = (
        element("rect", width="100%", height="100%", class_="empty"),
        element("rect", width=f"{ratio * 100:.4g}%", height="100%", class_="read"),
    )
    return element("svg", *bars, class_="meter", aria_hidden="true")
