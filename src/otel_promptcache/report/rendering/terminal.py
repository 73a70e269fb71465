"""The report in a terminal, and in a log file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_promptcache.core.quoting import cut
from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.rendering.columns import Fitted
from otel_promptcache.report.rendering.notes import fine_print
from otel_promptcache.report.rendering.plain import name, plain
from otel_promptcache.report.rendering.table import template_table
from otel_promptcache.report.rendering.templates import unnamed_origins
from otel_promptcache.report.rendering.wording import counted, duration, tokens, usd
from otel_promptcache.report.report import Report

_PROSE_CELLS = 100
"""Longer lines are hard to read, whatever the terminal's width."""
_CODE_INDENT = "   │ "
_CONTINUED = "    "


def view(report: Report, gathered: Gathered, top: int) -> RenderableType:
    """Show a report with at most `top` findings."""
    processes = f", {counted(gathered.processes, 'process')}" if gathered.processes > 1 else ""
    return Group(
        Text(),
        Text.assemble(
            ("Prompt caching by template", "bold"), f", {duration(report.duration_seconds)}{processes}"
        ),
        Text(),
        template_table(report),
        Text(),
        *_findings(report.findings, top, unnamed_origins(report)),
        *(plain(line, "dim") for line in fine_print(report, gathered)),
    )


def findings_view(findings: Sequence[Finding], top: int) -> RenderableType:
    """Show the most expensive findings, each in a paragraph, and say how many more there are."""
    return Group(*_findings(findings, top, {}), *_overlap(findings[:top]))


def _overlap(findings: Sequence[Finding]) -> Iterator[Text]:
    """Say that the findings about one template can have the same cause."""
    counts = Counter(finding.template for finding in findings if finding.template)
    if several := [template for template, count in counts.items() if count > 1]:
        named = ", ".join(map(cut, several))
        said = f"Findings about the same template ({named}) can overlap, so their amounts cannot be added up."
        yield Text.assemble(plain(said, "dim"), "\n")


def _findings(findings: Sequence[Finding], top: int, origins: Mapping[str, str]) -> Iterator[RenderableType]:
    if not findings:
        yield Text("No findings.\n")
    for number, finding in enumerate(findings[:top], 1):
        yield Fitted(lambda width, number=number, finding=finding: _finding(number, finding, origins, width))
    if 0 < top < len(findings):
        yield Text(f"{counted(len(findings) - top, 'further finding')}: --top {len(findings)} shows all.\n")


def _finding(number: int, finding: Finding, origins: Mapping[str, str], console_width: int) -> RenderableType:
    width = min(console_width, _PROSE_CELLS)
    headline = Table.grid(padding=(0, 1), expand=True)
    headline.width = width
    headline.add_column(justify="right")
    headline.add_column(ratio=1)
    headline.add_column(justify="right", no_wrap=True)
    template = Text.assemble(name(finding.template or "", "cyan"))
    if told := origins.get(finding.template or ""):
        template.append_text(plain(f"  {told}", "dim"))
    headline.add_row(
        Text(f"{number}."),
        Text.assemble(plain(finding.title, "bold"), "  ", template),
        Text(_loss(finding), "red"),
    )
    body = Table.grid(padding=(0, 1))
    body.width = width
    body.add_row(Text("  "), plain(f"{finding.what} {finding.evidence}"))
    body.add_row(Text(" →", "green"), plain(f"{finding.advice} {finding.cost}".rstrip()))
    return Group(headline, body, *_code(finding.snippet or "", console_width), Text())


def _code(snippet: str, width: int) -> Iterator[Text]:
    """The lines to write. Long ones are wrapped, which leaves them valid Python: everything is inside brackets."""
    for line in snippet.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for part in wrap(
            line,
            max(width - len(_CODE_INDENT), 1),
            subsequent_indent=indent + _CONTINUED,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield Text.assemble((_CODE_INDENT, "dim"), plain(part), no_wrap=True, overflow="ignore")


def _loss(finding: Finding) -> str:
    if finding.lost_usd:
        return usd(finding.lost_usd)
    return f"{tokens(finding.lost_tokens)} tokens" if finding.lost_tokens else ""
