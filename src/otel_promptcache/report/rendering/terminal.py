"""The report in a terminal, and in a log file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.rendering.plain import name, plain
from otel_promptcache.report.rendering.wording import (
    NOT_KNOWN,
    compact,
    counted,
    duration,
    share,
    tokens,
    usd,
)
from otel_promptcache.report.report import Report

_GOOD_RATIO, _POOR_RATIO = 0.6, 0.3

_HEADERS = (
    "re-\nquests", "hit\nratio", "read", "write", "un-\ncached", "net $", "lost $", "TTFT\nhit", "(ms)\nmiss",
)  # fmt: skip


def view(report: Report, gathered: Gathered, top: int) -> RenderableType:
    """Show a report with at most `top` findings."""
    where = f", {counted(gathered.processes, 'process')}" if gathered.processes > 1 else ""
    return Group(
        Text(),
        Text.assemble(
            ("Prompt caching by template", "bold"), f", {duration(report.duration_seconds)}{where}"
        ),
        _table(report),
        Text(),
        *_findings(report.findings, top),
        *(plain(line, "dim") for line in fine_print(report, gathered)),
    )


def why_empty(gathered: Gathered) -> str:
    """Say in a few words why there is no call to report about."""
    if gathered.notes:
        return gathered.notes[0]
    if gathered.processes:
        return "no call was made through the SDK of OpenAI or Anthropic"
    if gathered.has_python:
        return "neither the SDK of OpenAI nor that of Anthropic was used"
    return "no Python process could be observed; -I, -S and -E keep a Python from being so"


def fine_print(report: Report, gathered: Gathered) -> Iterator[str]:
    """What is needed to read the numbers right, a line each."""
    total = report.total
    unpriced = f", without {counted(total.unpriced, 'unpriced request')}" if total.unpriced else ""
    yield f"net $: read discounts less write surcharges, list prices{unpriced}. A dash: not known."
    if total.lost_usd is not None or total.lost_tokens:
        yield "lost $: what misses cost. Findings may be about the same requests: they do not add up."
    if total.failed:
        yield f"{counted(total.failed, 'request')} failed."
    yield from _abandoned(total)
    if gathered.dropped:
        yield f"{counted(gathered.dropped, 'further call')} not in this report: there were too many."
    for note in gathered.notes:
        yield f"Note: {note}"


def _abandoned(total: TemplateRow) -> Iterator[str]:
    """Say what the application left before the answer was complete."""
    streams, others = total.abandoned_streams, total.abandoned - total.abandoned_streams
    if streams:
        yield f"{counted(streams, 'stream')} {_were(streams)} abandoned."
    if others:
        yield f"{counted(others, 'request')} {_were(others)} cancelled."


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _table(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    # The one column that may be broken into lines where there is not enough room.
    table.add_column("\ntemplate", overflow="fold")
    for header in _HEADERS:
        table.add_column(header if "\n" in header else f"\n{header}", justify="right", no_wrap=True)
    # Only where it says something: most runs know all their results.
    has_unknown = bool(report.total.unknown_share)
    if has_unknown:
        table.add_column("un-\nknown", justify="right", no_wrap=True)
    for row in report.rows:
        table.add_row(name(row.template), *_cells(row), *_unknown(row, has_unknown))
    if len(report.rows) > 1:
        table.add_section()
        table.add_row(
            Text("total"), *_cells(report.total), *_unknown(report.total, has_unknown), style="bold"
        )
    return table


def _cells(row: TemplateRow) -> Sequence[RenderableType]:
    return (
        Text(f"{row.requests:,}"),
        _ratio(row.hit_ratio),
        Text(compact(row.read_tokens)),
        Text(compact(row.write_tokens)),
        Text(compact(row.uncached_tokens)),
        Text(_bare(row.net_usd), "red" if (row.net_usd or 0) < 0 else ""),
        Text(_bare(row.lost_usd), "red" if row.lost_usd else ""),
        Text(_milliseconds(row.hit_seconds)),
        Text(_milliseconds(row.miss_seconds)),
    )


def _unknown(row: TemplateRow, has_unknown: bool) -> Sequence[Text]:  # noqa: FBT001  # a column or none
    if not has_unknown:
        return ()
    return (Text(NOT_KNOWN if row.unknown_share is None else f"{row.unknown_share:.0%}"),)


def findings_view(findings: Sequence[Finding], top: int) -> RenderableType:
    """Show the most expensive findings, each in a paragraph, and say how many more there are."""
    return Group(*_findings(findings, top))


def _findings(findings: Sequence[Finding], top: int) -> Iterator[RenderableType]:
    if not findings:
        yield Text("No findings.\n")
    for number, finding in enumerate(findings[:top], 1):
        headline = Table.grid(padding=(0, 1), expand=True)
        headline.add_column(justify="right")
        headline.add_column(ratio=1)
        headline.add_column(justify="right", no_wrap=True)
        where = Text.assemble(plain(finding.title, "bold"), "  ", name(finding.template or "", "cyan"))
        headline.add_row(Text(f"{number}."), where, Text(_loss(finding), "red"))
        body = Table.grid(padding=(0, 1))
        body.add_row(Text("  "), plain(f"{finding.what} {finding.evidence}"))
        body.add_row(Text(" →", "green"), plain(f"{finding.advice} {finding.cost}"))
        for line in (finding.snippet or "").splitlines():
            body.add_row(Text(), plain(line, "dim"))
        yield Group(headline, body, Text())
    if 0 < top < len(findings):
        yield Text(f"{counted(len(findings) - top, 'further finding')}: --top {len(findings)} shows all.\n")


def _loss(finding: Finding) -> str:
    if finding.lost_usd:
        return usd(finding.lost_usd)
    return f"{tokens(finding.lost_tokens)} tokens" if finding.lost_tokens else ""


def _ratio(ratio: float | None) -> Text:
    if ratio is None:
        return Text(NOT_KNOWN)
    style = "green" if ratio >= _GOOD_RATIO else "yellow" if ratio >= _POOR_RATIO else "red"
    return Text(share(ratio), style)


def _bare(dollars: float | None) -> str:
    return usd(dollars).replace("$", "")


def _milliseconds(duration_seconds: float | None) -> str:
    return NOT_KNOWN if duration_seconds is None else f"{duration_seconds * 1000:.0f}"
