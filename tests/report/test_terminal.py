"""The report as text: readable without colours, in eighty columns."""

from __future__ import annotations

import pytest
from rich.console import Console

from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.terminal import view, why_empty
from otel_promptcache.report.report import build_report
from tests.report.calls import call, gathered, miss

SILENT = {"result": "unknown", "input_tokens": None, "read_tokens": None, "net_usd": None, "is_stream": True}


def shown(*calls: CallRecord, top: int = 5, known: Gathered | None = None, columns: int = 80) -> list[str]:
    console = Console(width=columns, color_system=None)
    with console.capture() as capture:
        console.print(view(build_report(calls), known or gathered(*calls), top))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_row_for_each_template_and_a_total() -> None:
    lines = shown(
        *(call(n, name="support-bot-eu", write_tokens=0, first_token_seconds=0.031) for n in range(1200)),
        *(miss(n, name="daily-digest", first_token_seconds=0.3) for n in range(16)),
    )
    rows = [" ".join(line.split()) for line in lines]
    assert "support-bot-eu 1,200 96.0% 2.3M 0 96k 3.60 0 31 -" in rows
    assert "daily-digest 16 0.0% 0 - 32k 0 0.0320 - 300" in rows
    assert "total 1,216 94.7% 2.3M 0 128k 3.60 0.0320 - -" in rows
    assert not any("known" in line and "un-" in line for line in lines[:4])
    assert max(map(len, lines)) <= 80


def test_one_template_needs_no_total_and_a_good_run_no_findings() -> None:
    lines = shown(call(0))
    assert not any(line.startswith("total") for line in lines)
    assert "No findings." in lines


def test_a_finding_has_a_headline_its_paragraph_and_its_remedy() -> None:
    text = "\n".join(shown(call(0), miss(1, path="instructions", kind="timestamp", token=6)))
    assert "\n1. A date or time in the instructions changes  bot" in text
    assert "$0.0020\n" in text
    assert "\n   A date or time is in the instructions" in text
    assert "\n → Move it to the end of the input." in text


def test_only_so_many_findings_are_shown() -> None:
    calls = [miss(n, name=f"t{n}", missed_usd=None, missed_tokens=9 - n) for n in range(4)]
    text = "\n".join(shown(*calls, top=3))
    assert "3. The prompt differs" in text
    assert "4. " not in text
    assert "7 tokens" in text
    assert "1 further finding: --top 4 shows all." in text
    assert "further" not in "\n".join(shown(*calls, top=4))
    assert "1. " not in "\n".join(shown(*calls, top=0))


def test_the_fine_print_says_what_is_missing() -> None:
    calls = (call(0, net_usd=None), call(1, error_type="APIError"), call(2, **SILENT))
    known = gathered(*calls, processes=3, dropped=1, notes=("something", "else"))
    text = "\n".join(shown(*calls, known=known, columns=120))
    assert ", 3 processes" in text
    assert "without 1 unpriced request." in text
    assert "1 request failed." in text
    assert "1 further call not in this report" in text
    assert "Note: something\nNote: else" in text
    assert "50%" in text


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (gathered(processes=2), "no call was made through the SDK of OpenAI or Anthropic"),
        (gathered(processes=0), "neither the SDK of OpenAI nor that of Anthropic was used"),
        (gathered(processes=0, has_python=False), "no Python process could be observed; -I, -S and -E keep a Python from being so"),
        (gathered(processes=0, notes=("not observed: reason", "more")), "not observed: reason"),
    ],
)  # fmt: skip
def test_without_calls_one_line_says_why(known: Gathered, line: str) -> None:
    assert why_empty(known) == line


def test_the_fine_print_says_what_was_left() -> None:
    calls = [call(n, is_abandoned=True, is_stream=True, error_type="CancelledError") for n in range(4)]
    calls += [call(9), call(10, is_abandoned=True)]
    text = "\n".join(shown(*calls))
    assert "4 streams were abandoned." in text
    assert "1 request was cancelled." in text
    assert "failed" not in text
    total = build_report(calls).total
    assert (total.requests, total.failed, total.abandoned, total.abandoned_streams) == (6, 0, 5, 4)
    assert "abandoned" not in "\n".join(shown(call(0)))
