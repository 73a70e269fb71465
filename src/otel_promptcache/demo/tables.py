"""How the numbers look: while they come in, and in the end."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from otel_promptcache.demo.summary import Summary, TemplateSummary
from otel_promptcache.sim.workloads import WORKLOADS

_WIDE_COLUMNS = 104
"""From here on there is room for what is wrong with an application."""

_NOT_KNOWN = "-"
_GOOD_RATIO, _POOR_RATIO = 0.6, 0.3

_WHAT_TO_LOOK_AT = (
    "daily-digest and tool-shuffler pay in full: what changes stands before what is stable.",
    "tenant-mail saves little or loses: each user's key has the prompt written anew, at 1.25x.",
    'classifier is too short to cache. chat-widget does not report: "-" is not known, never 0.',
)


def live_view(summary: Summary, planned: int, elapsed_seconds: float, seconds: float) -> RenderableType:
    """Show a demo in progress: a row for each application, heard of yet or not.

    Args:
        summary: What the metrics say by now.
        planned: How many requests there will be.
        elapsed_seconds: How long it has been running.
        seconds: How long it is to take.
    """
    table = _table("requests", "hit ratio", "", "read", "write", "uncached", "net $", "TTFT ms")
    for row in _rows(summary):
        bar = ProgressBar(1.0, row.hit_ratio or 0.0, width=8, complete_style=_style(row.hit_ratio))
        ttft = _milliseconds(row.first_token_seconds())
        table.add_row(row.name, str(row.requests), _ratio(row), bar, *_tokens(row), _usd(row), ttft)
    total = summary.total()
    table.add_section()
    table.add_row(
        "total", str(total.requests), _ratio(total), "", *_tokens(total), _usd(total), "", style="bold"
    )
    progress = f"{min(elapsed_seconds, seconds):.0f} of {seconds:g} s, {total.requests} of {planned} requests"
    return Group(Text.assemble(("Prompt caching by template", "bold"), f"   {progress}"), "", table)


def closing_view(summary: Summary, columns: int) -> RenderableType:
    """Show what the metrics say in the end, and what to look at, in so many columns."""
    is_wide = columns >= _WIDE_COLUMNS
    table = _table("requests", "hit ratio", "read", "write", "uncached", "net $", "TTFT ms\nhit", "\nmiss")
    if is_wide:
        table.add_column("what is wrong with it")
    for workload, row in zip(WORKLOADS, _rows(summary), strict=True):
        table.add_row(*_closing_cells(row), *([workload.flaw or ""] if is_wide else []))
    table.add_section()
    table.add_row(*_closing_cells(summary.total()), style="bold")
    return Group(Text("Prompt caching by template", "bold"), "", table, "", *_notes(summary))


def _table(*headers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("template", no_wrap=True, vertical="bottom")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _rows(summary: Summary) -> Iterator[TemplateSummary]:
    return (summary.template(workload.name) for workload in WORKLOADS)


def _closing_cells(row: TemplateSummary) -> tuple[RenderableType, ...]:
    hit, miss = (_milliseconds(row.first_token_seconds(result)) for result in ("hit", "miss"))
    ratio = Text(_ratio(row), _style(row.hit_ratio))
    return (row.name, str(row.requests), ratio, *_tokens(row), _usd(row), hit, miss)


def _ratio(row: TemplateSummary) -> str:
    return _NOT_KNOWN if row.hit_ratio is None else f"{row.hit_ratio:.1%}"


def _tokens(row: TemplateSummary) -> Iterator[str]:
    for state in ("read", "write", "uncached"):
        yield f"{row.tokens[state]:,}" if state in row.tokens else _NOT_KNOWN


def _usd(row: TemplateSummary) -> Text:
    usd = row.net_savings_usd
    if usd is None:
        return Text(_NOT_KNOWN)
    return Text(f"{usd:.4f}", "red" if usd < 0 else "")


def _milliseconds(seconds: float | None) -> str:
    return _NOT_KNOWN if seconds is None else f"{seconds * 1000:.0f}"


def _style(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return "green" if ratio >= _GOOD_RATIO else "yellow" if ratio >= _POOR_RATIO else "red"


def _notes(summary: Summary) -> Iterator[RenderableType]:
    for line in _WHAT_TO_LOOK_AT:
        yield Text(line)
    yield Text(
        "net $: read discount less write surcharge, at list prices. TTFT: time to first token of streams,",
        "dim",
    )
    yield Text(
        f"median estimated from a histogram. The dollars leave out {summary.unpriced} requests.", "dim"
    )
