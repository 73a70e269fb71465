"""How the numbers look: while they come in, and in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from otel_promptcache.demo.summary import Summary, TemplateSummary
from otel_promptcache.report.rendering.plain import name, plain
from otel_promptcache.sim.workloads import WORKLOADS

_WIDE_COLUMNS = 104
"""From here on there is room for what is wrong with an application."""

_NOT_KNOWN = "-"
_GOOD_RATIO, _POOR_RATIO = 0.6, 0.3

_Cells = Callable[[TemplateSummary], Sequence[RenderableType]]


def introduction() -> RenderableType:
    """List the applications, and what each does."""
    table = Table.grid(padding=(0, 2))
    for workload in WORKLOADS:
        table.add_row(name(workload.name), plain(workload.does))
    return Group(table, Text())


def live_view(summary: Summary, progress: str, columns: int) -> RenderableType:
    """Show a demo in progress: a row for each application, heard of yet or not.

    Args:
        summary: What the metrics say by now.
        progress: How far it is.
        columns: Width of the terminal.
    """
    bar_width = 20 if columns >= _WIDE_COLUMNS else 6

    def sums(row: TemplateSummary) -> Sequence[RenderableType]:
        return (Text(str(row.requests)), _ratio(row), _bar(row, bar_width), *_tokens(row), _usd(row))

    def times(row: TemplateSummary) -> Sequence[RenderableType]:
        return (_milliseconds(row.first_token_seconds()),)

    headers = ("requests", "hit\nratio", "", "read", "write", "uncached", "net $", "TTFT\n(ms)")
    return Group(_title(progress), _table(summary, headers, sums, times, columns))


def closing_view(summary: Summary, columns: int) -> RenderableType:
    """Show what the metrics say in the end, in so many columns."""

    def sums(row: TemplateSummary) -> Sequence[RenderableType]:
        return (Text(str(row.requests)), _ratio(row), *_tokens(row), _usd(row))

    def times(row: TemplateSummary) -> Sequence[RenderableType]:
        return tuple(_milliseconds(row.first_token_seconds(result)) for result in ("hit", "miss"))

    headers = ("requests", "hit\nratio", "read", "write", "uncached", "net $", "TTFT\nhit", "(ms)\nmiss")
    table = _table(summary, headers, sums, times, columns)
    return Group(_title("half an hour of traffic"), table, Text(), Text(_fine_print(summary), "dim"), Text())


def _table(
    summary: Summary, headers: Sequence[str], sums: _Cells, times: _Cells, columns: int
) -> RenderableType:
    """A row for each application and one for all, where times would say nothing."""
    is_wide = columns >= _WIDE_COLUMNS
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("\ntemplate", no_wrap=True)
    for header in headers:
        table.add_column(header if "\n" in header else f"\n{header}", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("\nwhat is wrong with it", no_wrap=True)
    for workload in WORKLOADS:
        row = summary.template(workload.name)
        flaw = (plain(workload.flaw or ""),) if is_wide else ()
        table.add_row(name(row.name), *sums(row), *times(row), *flaw)
    table.add_section()
    table.add_row(Text("total"), *sums(summary.total()), style="bold")
    return table


def _title(what: str) -> Text:
    return Text.assemble(("Prompt caching by template", "bold"), f", {what}")


def _fine_print(summary: Summary) -> str:
    lines = [
        f"net $: read discount less write surcharge, without {summary.unpriced} unpriced requests.",
        "TTFT: median time to the first token of streams, estimated from a histogram.",
        "The table comes from emitted metrics, the findings from emitted spans.",
    ]
    if summary.internal_errors:
        lines.append(f"Internal errors, so the numbers may be incomplete: {summary.internal_errors}.")
    return "\n".join(lines)


def _ratio(row: TemplateSummary) -> Text:
    ratio = row.hit_ratio
    return Text(_NOT_KNOWN) if ratio is None else Text(f"{ratio:.1%}", _style(ratio))


def _bar(row: TemplateSummary, width: int) -> RenderableType:
    ratio = row.hit_ratio
    return Text() if ratio is None else ProgressBar(1.0, ratio, width, complete_style=_style(ratio))


def _style(ratio: float) -> str:
    return "green" if ratio >= _GOOD_RATIO else "yellow" if ratio >= _POOR_RATIO else "red"


def _tokens(row: TemplateSummary) -> Iterator[Text]:
    for state in ("read", "write", "uncached"):
        yield Text(f"{row.tokens[state]:,}" if state in row.tokens else _NOT_KNOWN)


def _usd(row: TemplateSummary) -> Text:
    usd = row.net_savings_usd
    return Text(_NOT_KNOWN) if usd is None else Text(f"{usd:.4f}", "red" if usd < 0 else "")


def _milliseconds(seconds: float | None) -> Text:
    return Text(_NOT_KNOWN if seconds is None else f"{seconds * 1000:.0f}")
