"""How the numbers are shown, while they come in and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_promptcache.demo.summary import Summary, TemplateSummary
from otel_promptcache.report.rendering.columns import Column, fit, lines
from otel_promptcache.report.rendering.plain import name, plain
from otel_promptcache.report.rendering.table import ratio_bar, ratio_style
from otel_promptcache.report.rendering.wording import NOT_KNOWN, bare_usd, counted, seconds, share, tokens
from otel_promptcache.sim.workloads import WORKLOADS

_BAR_CELLS, _WIDE_BAR_CELLS = 6, 20
_ROOMY_COLUMNS = 140
_FLAWED = "!"
_OWN_PROGRAM = "otel-promptcache run --html report.html -- python app.py"
_USD_DECIMALS = 4

_STATES = (("read", 9), ("write", 7), ("uncached", 8))
"""Token states, and how wide their columns are at the end."""


def introduction() -> RenderableType:
    """List the applications, and what each does."""
    table = Table.grid(padding=(0, 2))
    for workload in WORKLOADS:
        mark = _FLAWED if workload.flaw else " "
        table.add_row(Text.assemble((mark, "red"), " ", name(workload.name)), plain(workload.does))
    return Group(table, Text(), Text.assemble((_FLAWED, "red"), " flawed on purpose"), Text())


def next_step() -> RenderableType:
    """Say how to see the same for one's own program."""
    return Group(Text("Try it on your own program:"), Text(), Text(f"    {_OWN_PROGRAM}", "bold"))


def live_view(summary: Summary, progress: str, columns: int) -> RenderableType:
    """Show a demo in progress: a row for each application, even before its first request.

    Args:
        summary: What the metrics say so far.
        progress: How far the demo has got.
        columns: Width of the terminal.
    """
    bar_cells = _WIDE_BAR_CELLS if columns >= _ROOMY_COLUMNS else _BAR_CELLS
    bars = [ratio_bar(row.eligible_hit_ratio, bar_cells) for row in _rows(summary)]
    bar = Column(header="", cells=bars, rank=9, reserved_width=bar_cells)
    return Group(_title(progress), Text(), *_table(summary, bar, [("TTFT", ())], columns))


def closing_view(summary: Summary, columns: int) -> RenderableType:
    """Show what the metrics say at the end, in a terminal of this many columns."""
    bars = [ratio_bar(row.eligible_hit_ratio, _WIDE_BAR_CELLS) for row in _rows(summary)]
    bar = Column(header="", cells=bars, rank=2, is_extra=True)
    times = [("TTFT\nhit", ("hit",)), ("TTFT\nmiss", ("miss",))]
    table = _table(summary, bar, times, columns)
    title = _title("half an hour of traffic")
    return Group(title, Text(), *table, Text(), Text("\n".join(_fine_print(summary)), "dim"), Text())


def _rows(summary: Summary) -> list[TemplateSummary]:
    """A row for each application and one for all."""
    return [*(summary.template(workload.name) for workload in WORKLOADS), summary.total()]


def _table(
    summary: Summary, bar: Column, times: Sequence[tuple[str, tuple[str, ...]]], width: int
) -> Iterator[Text]:
    rows = _rows(summary)

    def column(header: str, rank: int, reserved: int, cell: Callable[[TemplateSummary], Text]) -> Column:
        return Column(header=header, rank=rank, reserved_width=reserved, cells=[cell(row) for row in rows])

    columns = [
        Column(header="template", cells=[name(row.name) for row in rows], is_text=True, least_width=13),
        column("requests", 0, 0, lambda row: Text(f"{row.requests:,}")),
        column("hit\nratio", 0, 5, _ratio),
        bar,
        *(column(state, 4, reserved, _tokens(state)) for state, reserved in _STATES),
        column("net $", 1, 7, _usd),
        # A median over all templates would say nothing.
        *(
            Column(
                header=header,
                rank=3,
                reserved_width=6,
                cells=[*(_time(row, results) for row in rows[:-1]), Text()],
            )
            for header, results in times
        ),
        Column(
            header="caching flaw",
            cells=[*(plain(workload.flaw or "") for workload in WORKLOADS), Text()],
            rank=1,
            is_extra=True,
            is_text=True,
            least_width=22,
        ),
    ]
    return lines(fit(columns, width), [None] * len(rows), has_total=True)


def _title(what: str) -> Text:
    return Text.assemble(("Prompt caching by template", "bold"), f", {what}")


def _fine_print(summary: Summary) -> Iterator[str]:
    yield f"net $: read discounts minus write surcharges; {counted(summary.unpriced, 'unpriced request')} left out."
    yield "TTFT: median time to the first token of streams, estimated from a histogram."
    yield from _legend(_rows(summary)[:-1])
    yield "The table comes from emitted metrics, the findings from emitted spans."
    if summary.internal_errors:
        yield f"Internal errors: {summary.internal_errors}, so the numbers may be incomplete."


def _legend(rows: Sequence[TemplateSummary]) -> Iterator[str]:
    """What the dashes mean that occur in the table, by column."""
    sent = [row for row in rows if row.requests]
    if len(sent) < len(rows):
        yield f"{NOT_KNOWN} without requests: none has been answered yet."
    without_ratio = [row for row in sent if row.eligible_hit_ratio is None]
    reasons = {
        "too short to be cached": any(row.tokens for row in without_ratio),
        "usage not reported": any(not row.tokens for row in without_ratio),
    }
    if without_ratio:
        yield f"{NOT_KNOWN} as hit ratio: {', or '.join(reason for reason, occurs in reasons.items() if occurs)}."
    if any(row.tokens and "write" not in row.tokens for row in sent):
        yield f"{NOT_KNOWN} as write: the API does not report writes; 0 means that it reported none."
    if any(row.tokens and row.net_savings_usd is None for row in sent):
        yield f"{NOT_KNOWN} as net $: no price is known."
    if any(row.first_token_seconds(result) is None for row in sent for result in ("hit", "miss")):
        yield f"{NOT_KNOWN} as TTFT: no stream with this result."


def _ratio(row: TemplateSummary) -> Text:
    ratio = row.eligible_hit_ratio
    return Text(share(ratio), ratio_style(ratio))


def _tokens(state: str) -> Callable[[TemplateSummary], Text]:
    return lambda row: Text(tokens(row.tokens.get(state)))


def _usd(row: TemplateSummary) -> Text:
    usd = row.net_savings_usd
    # The same number of decimals in all rows, so that they can be compared and added up.
    text = f"{usd:,.{_USD_DECIMALS}f}" if usd and round(usd, _USD_DECIMALS) else bare_usd(usd)
    return Text(text, "red" if (usd or 0) < 0 else "")


def _time(row: TemplateSummary, results: Sequence[str]) -> Text:
    return Text(seconds(row.first_token_seconds(*results)))
