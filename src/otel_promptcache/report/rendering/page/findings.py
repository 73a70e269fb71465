"""The findings of a report as a list of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.rendering.page.markup import Markup, breakable, code_spans, element, text_block
from otel_promptcache.report.rendering.page.table import FEW_ROWS, filter_box
from otel_promptcache.report.rendering.templates import origin
from otel_promptcache.report.rendering.wording import counted, tokens, usd
from otel_promptcache.report.report import Report
from otel_promptcache.report.rules.rule import Cause

_OPEN_FINDINGS = 5


def findings_list(report: Report) -> Iterator[Markup]:
    """Show the most expensive findings, and the others on demand."""
    findings = report.findings
    if not findings:
        yield element("p", "None.")
        return
    origins = {row.template: origin(row) for row in report.rows}
    if len(findings) > FEW_ROWS:
        yield filter_box("findings", "Filter findings")
    items = [_finding(number, finding, origins) for number, finding in enumerate(findings, 1)]
    more = items[_OPEN_FINDINGS:]
    yield element(
        "div",
        element("ol", *items[:_OPEN_FINDINGS]),
        element(
            "details",
            element("summary", counted(len(more), "further finding")),
            element("ol", *more, start=_OPEN_FINDINGS + 1),
        )
        if more
        else "",
        id="findings",
    )


def _finding(number: int, finding: Finding, origins: Mapping[str, str]) -> Markup:
    return element(
        "li",
        element(
            "h3",
            element("span", f"{number}", class_="ordinal"),
            " ",
            element("span", finding.title, class_="title"),
            " ",
            *_loss(finding),
        ),
        _about(finding, origins),
        element("p", code_spans(f"{finding.what} {finding.evidence}")),
        element("p", code_spans(f"{finding.advice} {finding.cost}".strip()), class_="advice"),
        _snippet(finding.snippet) if finding.snippet else "",
        id=f"finding-{number}",
    )


def _loss(finding: Finding) -> Sequence[Markup]:
    lost = usd(finding.lost_usd) if finding.lost_usd else None
    if lost is None and finding.lost_tokens:
        lost = f"{tokens(finding.lost_tokens)} tokens"
    return [element("span", f"{lost} lost", class_="loss")] if lost else []


def _about(finding: Finding, origins: Mapping[str, str]) -> Markup:
    tags: list[Markup] = []
    if finding.template:
        tags.append(element("span", breakable(finding.template), class_="template"))
        if told := origins.get(finding.template):
            tags.append(element("span", breakable(told), class_="tag"))
    if finding.cause is Cause.PROVIDER:
        tags.append(element("span", "not caused by your application", class_="tag"))
    return element("p", *tags, class_="tags") if tags else Markup("")


def _snippet(snippet: str) -> Markup:
    return element(
        "div",
        element("pre", element("code", text_block(snippet)), tabindex=0),
        element("button", "Copy", type="button", class_="copy", hidden=""),
        element("span", role="status"),
        class_="snippet",
    )
