"""Reports as text to compare with; `python -m tests.report.goldens` regenerates it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console, RenderableType

from otel_promptcache import __version__
from otel_promptcache.demo.histogram import Bucket
from otel_promptcache.demo.summary import Summary, TemplateSummary
from otel_promptcache.demo.tables import closing_view, live_view
from otel_promptcache.report.rendering.page.html import render
from otel_promptcache.report.rendering.terminal import view
from tests.report.outline import Outline
from tests.report.scenarios import SCENARIOS, Scenario

FOLDER = Path(__file__).with_name("golden")
DEMO = FOLDER / "demo.txt"
COLUMNS = (80, 120, 200)
TOP = 5


def in_a_terminal(scenario: Scenario, columns: int) -> list[str]:
    """The lines of a report in a terminal of `columns` columns, without colours."""
    return _printed(view(scenario.report(), scenario.known, TOP), columns)


def _printed(shown: RenderableType, columns: int) -> list[str]:
    console = Console(width=columns, color_system=None)
    with console.capture() as capture:
        console.print(shown)
    return [line.rstrip() for line in capture.get().splitlines()]


def text(scenario: Scenario) -> str:
    """A report at all widths."""
    shown = (
        line
        for columns in COLUMNS
        for line in (f"=== {columns} columns", *in_a_terminal(scenario, columns), "")
    )
    return "\n".join(shown) + "\n"


def page_text(scenario: Scenario) -> str:
    """The text of a report's page."""
    lines = Outline(render(scenario.report(), scenario.known)).lines
    return "\n".join(lines).replace(f"otel-promptcache {__version__}", "otel-promptcache") + "\n"


def demo_summary() -> Summary:
    """The demo's metrics, with roughly the numbers of a fifteen-second run."""
    times = {"hit": [Bucket(0.03, 0.04, 9)], "miss": [Bucket(0.9, 1.3, 3)]}
    row = TemplateSummary
    rows = (
        row("support-bot", Counter(hit=47, miss=1), Counter(read=120_320, uncached=6_237), 0.1805, times),
        row("coding-agent", Counter(hit=36), Counter(read=262_614, write=30_055, uncached=0), 0.9154, times),
        row("rag-search", Counter(partial=30), Counter(read=40_832, uncached=75_493), 0.0122),
        row("daily-digest", Counter(miss=16), Counter(read=0, write=0, uncached=33_150), 0.0),
        row("tenant-mail", Counter(miss=29, hit=1), Counter(read=1_616, write=52_317, uncached=0), -0.0232),
        row("classifier", Counter(ineligible=40), Counter(read=0, uncached=14_599), 0.0),
        row("chat-widget", Counter(unknown=26)),
    )
    return Summary({row.name: row for row in rows}, unpriced=26, internal_errors=0)


def demo_text() -> str:
    """The demo's tables at all widths, midway and at the end."""
    summary, shown = demo_summary(), list[str]()
    for columns in COLUMNS:
        for view_ in (live_view(summary, "7 of 15 s", columns), closing_view(summary, columns)):
            shown += [f"=== {columns} columns", *_printed(view_, columns)]
    return "\n".join(shown) + "\n"


def golden(name: str) -> Path:
    """The file with a scenario's expected terminal output."""
    return FOLDER / f"{name}.txt"


def page_golden(name: str) -> Path:
    """The file with the text of its expected page."""
    return FOLDER / f"{name}.page.txt"


def _write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, make in SCENARIOS.items():
        scenario = make()
        golden(name).write_text(text(scenario), encoding="utf-8")
        page_golden(name).write_text(page_text(scenario), encoding="utf-8")
    DEMO.write_text(demo_text(), encoding="utf-8")


if __name__ == "__main__":
    _write()
