"""The report as one page of HTML that needs nothing else: no script, no request, readable for years."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.rendering.document import timestamp
from otel_promptcache.report.rendering.markup import Markup, code_spans, element, raw
from otel_promptcache.report.rendering.plots import first_token_plot, hit_ratio_plot, losses_plot, tokens_plot
from otel_promptcache.report.rendering.terminal import fine_print, why_empty
from otel_promptcache.report.rendering.wording import compact, counted, duration, seconds, share, tokens, usd
from otel_promptcache.report.report import Report
from otel_promptcache.report.rules.rule import Cause
from otel_promptcache.version import __version__

_OPEN_FINDINGS = 5
_MOST_TEMPLATES = 8
"""In a plot; the table has them all."""

_COLUMNS = (
    "template", "requests", "hit ratio", "read", "write", "uncached", "net $", "lost $", "TTFT hit", "TTFT miss",
    "unknown",
)  # fmt: skip


def render(report: Report, gathered: Gathered) -> str:
    """Return the whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", "Prompt caching report"),
        element("style", raw(Path(__file__).with_name("page.css").read_text(encoding="utf-8"))),
    )
    body = element("body", element("main", *_sections(report, gathered)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _sections(report: Report, gathered: Gathered) -> Iterator[Markup]:
    yield element("header", element("h1", "Prompt caching"), element("p", _when(report, gathered)))
    if not report.total.requests:
        yield element("p", f"Nothing to show: {why_empty(gathered)}.")
        return
    yield element("section", *_headline_numbers(report), class_="numbers")
    yield _section("Findings", *_findings(report.findings))
    if report.timeline.slices:
        yield _section("Hit ratio over time", hit_ratio_plot(report.timeline))
        yield _section("Input tokens over time", tokens_plot(report.timeline))
    if report.first_tokens:
        yield _section(
            "Time to the first token, hits against misses",
            first_token_plot(report.first_tokens[:_MOST_TEMPLATES]),
            element(
                "p", "The mark is the median, the line reaches over eight of ten requests.", class_="note"
            ),
        )
    if report.losses:
        yield _section("Lost by reason", losses_plot(report.losses))
    yield _section("Templates", _table(report))
    yield element("footer", *(element("p", line) for line in (*fine_print(report, gathered), _made_by())))


def _when(report: Report, gathered: Gathered) -> str:
    started = timestamp(report.started_seconds)
    if started is None:
        return ""
    day, time = started.removesuffix("Z").split("T")
    processes = counted(gathered.processes, "process")
    return f"{duration(report.duration_seconds)} from {day} {time} UTC on, in {processes}"


def _headline_numbers(report: Report) -> Iterator[Markup]:
    total = report.total
    yield _number(share(total.hit_ratio), "of the input read from the cache")
    yield _number(usd(total.net_usd), "saved, net of writes")
    lost = total.lost_usd
    if lost is None and total.lost_tokens:
        yield _number(compact(total.lost_tokens), "tokens lost to misses", is_bad=True)
    else:
        yield _number(usd(lost), "lost to misses", is_bad=bool(lost))
    yield _number(f"{total.requests:,}", f"requests of {counted(len(report.rows), 'template')}")


def _number(value: str, meaning: str, *, is_bad: bool = False) -> Markup:
    return element("p", element("strong", value, class_="bad" if is_bad else None), element("span", meaning))


def _findings(findings: Sequence[Finding]) -> Iterator[Markup]:
    if not findings:
        yield element("p", "None.")
        return
    yield element("ol", *map(_finding, findings[:_OPEN_FINDINGS]))
    if more := findings[_OPEN_FINDINGS:]:
        summary = element("summary", counted(len(more), "further finding"))
        yield element("details", summary, element("ol", *map(_finding, more), start=_OPEN_FINDINGS + 1))


def _finding(finding: Finding) -> Markup:
    lost = usd(finding.lost_usd) if finding.lost_usd else None
    if lost is None and finding.lost_tokens:
        lost = f"{tokens(finding.lost_tokens)} tokens"
    tags = [element("span", finding.template, class_="template")] if finding.template else []
    if finding.cause is Cause.PROVIDER:
        tags.append(element("span", "not your application", class_="tag"))
    if lost is not None:
        tags.append(element("span", f"{lost} lost", class_="loss"))
    return element(
        "li",
        element("h3", finding.title),
        element("p", *tags, class_="tags") if tags else "",
        element("p", code_spans(f"{finding.what} {finding.evidence}")),
        element("p", code_spans(f"{finding.advice} {finding.cost}".strip()), class_="advice"),
        element("pre", element("code", finding.snippet)) if finding.snippet else "",
    )


def _table(report: Report) -> Markup:
    rows = [_row(row) for row in report.rows]
    foot = [element("tfoot", _row(report.total))] if len(report.rows) > 1 else []
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in _COLUMNS)))
    return element("div", element("table", head, element("tbody", *rows), *foot), class_="wide", tabindex=0)


def _row(row: TemplateRow) -> Markup:
    read, write, uncached = row.read_tokens, row.write_tokens, row.uncached_tokens
    cells = (
        element("td", f"{row.requests:,}"),
        element("td", share(row.hit_ratio)),
        *(element("td", compact(each), title=tokens(each)) for each in (read, write, uncached)),
        element("td", usd(row.net_usd)),
        element("td", usd(row.lost_usd)),
        element("td", seconds(row.hit_seconds)),
        element("td", seconds(row.miss_seconds)),
        element("td", share(row.unknown_share)),
    )
    name = element("th", row.template, title=", ".join(row.models) or None, scope="row")
    return element("tr", name, *cells)


def _section(title: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content)


def _made_by() -> str:
    return f"Made by otel-promptcache {__version__}."
