"""The report as text: readable without colours, in eighty columns."""

from __future__ import annotations

import pytest
from rich.console import Console

from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.notes import why_empty
from otel_promptcache.report.rendering.terminal import view
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
    assert "support-bot-eu 1,200 96.0% 2.3M 0 96k 3.60 0 31 ms –" in rows
    assert "daily-digest 16 0.0% 0 – 32k 0 0.0320 – 300 ms" in rows
    assert "total 1,216 94.7% 2.3M 0 128k 3.60 0.0320 – –" in rows
    assert not any("unknown" in line for line in lines[:6])
    assert max(map(len, lines)) <= 80


def test_one_template_needs_no_total_and_a_good_run_no_findings() -> None:
    lines = shown(call(0))
    assert not any(line.startswith("total") for line in lines)
    assert "No findings." in lines


def test_a_finding_has_a_headline_its_paragraph_and_its_remedy() -> None:
    text = "\n".join(shown(call(0), miss(1, path="instructions", kind="timestamp", token=6)))
    assert "\n1. A date or time in the instructions changes  bot" in text
    assert "$0.0020\n" in text
    assert "\n   There is a date or time in the instructions" in text
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


def test_a_flood_of_templates_is_cut_and_counted() -> None:
    lines = shown(*(call(n, name=f"t{n:03}") for n in range(103)))
    assert sum(line.startswith("t0") for line in lines) == 100
    assert "3 further templates: --json has all of them." in lines
    assert next(line for line in lines if line.startswith("total")).split()[1] == "103"
    assert not any("further template" in line for line in shown(*(call(n, name=f"t{n}") for n in range(100))))


def test_the_fine_print_says_what_is_missing() -> None:
    calls = (call(0, net_usd=None), call(3), call(1, error_type="APIError"), call(2, **SILENT))
    known = gathered(*calls, processes=3, dropped=1, notes=("something", "else"))
    text = "\n".join(shown(*calls, known=known, columns=120))
    assert ", 3 processes" in text
    assert "at list prices; 1 unpriced request left out." in text
    assert "1 request failed." in text
    assert "There were too many calls: this report leaves out 1 of them." in text
    assert "Note: something\nNote: else" in text
    assert "33%" in text


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (gathered(processes=2), "no call through the OpenAI, Anthropic or LiteLLM SDK was made, so there is no report"),
        (gathered(processes=0), "no call through the OpenAI, Anthropic or LiteLLM SDK was made, as none was imported, so there is no report"),
        (gathered(processes=0, has_python=False), "no Python process could be observed; env -i and Python's options -I, -S and -E prevent it"),
        (gathered(processes=1, still_running=1), "no call through the OpenAI, Anthropic or LiteLLM SDK was made, so there is no report; 1 process is still running in the background, and the report covers only the time until the program ended"),
        (gathered(processes=0, notes=("not observed: reason", "more")), "not observed: reason"),
    ],
)  # fmt: skip
def test_without_calls_one_line_says_why(known: Gathered, line: str) -> None:
    assert why_empty(known) == line


def test_where_no_request_was_answered_their_errors_are_named() -> None:
    calls = [call(n, error_type="APIConnectionError") for n in range(3)] + [call(3, error_type="401")]
    text = "\n".join(shown(*calls, columns=120))
    assert "4 requests failed, so nothing is known about the cache: APIConnectionError (3), 401 (1)." in text
    assert "nothing is known" not in "\n".join(shown(*calls, call(4), columns=120))


def test_the_fine_print_says_what_still_runs() -> None:
    text = "\n".join(shown(call(0), known=gathered(call(0), still_running=2), columns=120))
    assert (
        "Note: 2 processes are still running in the background, and the report covers only the time until the program ended"
        in text
    )


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
