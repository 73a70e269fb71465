"""What is needed to read the numbers correctly, in a terminal and on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.summary import UNNAMED, TemplateRow
from otel_promptcache.report.rendering.wording import NOT_KNOWN, counted
from otel_promptcache.report.report import Report

_MAX_ERRORS = 3
_NO_CALL = "no call through the OpenAI, Anthropic or LiteLLM SDK was made"


def why_empty(gathered: Gathered) -> str:
    """Say in a few words why there are no calls to report on."""
    if gathered.notes:
        return gathered.notes[0]
    if gathered.processes:
        why = f"{_NO_CALL}, so there is no report"
    elif gathered.has_python:
        why = f"{_NO_CALL}, as none was imported, so there is no report"
    else:
        why = "no Python process could be observed; env -i and Python's options -I, -S and -E prevent it"
    return "; ".join([why, *_still_running(gathered)])


def _still_running(gathered: Gathered) -> Iterator[str]:
    if count := gathered.still_running:
        yield (
            f"{counted(count, 'process')} {'is' if count == 1 else 'are'} still running in the background, and "
            "the report covers only the time until the program ended"
        )


def fine_print(report: Report, gathered: Gathered) -> Iterator[str]:
    """What is needed to read the numbers correctly, one line each."""
    total = report.total
    if total.net_usd is not None:
        unpriced = f"; {counted(total.unpriced, 'unpriced request')} left out" if total.unpriced else ""
        yield f"net $: read discounts minus write surcharges, at list prices{unpriced}. {NOT_KNOWN}: not known."
    elif total.unpriced:
        yield f"No price is known for these models, so there are no dollar amounts. {NOT_KNOWN}: not known."
    else:
        yield f"{NOT_KNOWN}: not known."
    if total.lost_usd or total.lost_tokens:
        yield "Lost: the cost of misses. Findings can overlap, so their amounts cannot be added up."
    if any(row.hit_seconds is not None or row.miss_seconds is not None for row in report.rows):
        yield "TTFT: median time to the first token of streams."
    if ineligible := sum(row.is_ineligible for row in report.rows):
        yield (
            f"No hit ratio for {counted(ineligible, 'template')}: too short to be cached, or the model has no cache."
        )
    if any(not row.is_named and row.template != UNNAMED for row in report.rows):
        yield 'A hash stands for an unnamed template: name it with otel_promptcache.prefix("name") around its calls.'
    if total.failed:
        yield f"{counted(total.failed, 'request')} failed{_errors(gathered)}."
    yield from _abandoned(total)
    if gathered.dropped:
        yield f"There were too many calls: this report leaves out {gathered.dropped:,} of them."
    for note in (*gathered.notes, *_still_running(gathered)):
        yield f"Note: {note}"


def _errors(gathered: Gathered) -> str:
    """What the requests failed with, if none was answered."""
    errors = Counter(call.error_type for call in gathered.calls if call.has_failed)
    if errors.total() < len(gathered.calls):
        return ""
    named = [f"{error} ({count})" for error, count in errors.most_common(_MAX_ERRORS)]
    return f", so nothing is known about the cache: {', '.join(named)}"


def _abandoned(total: TemplateRow) -> Iterator[str]:
    """Say what the application left before the answer was complete."""
    streams, others = total.abandoned_streams, total.abandoned - total.abandoned_streams
    if streams:
        yield f"{counted(streams, 'stream')} {_were(streams)} abandoned."
    if others:
        yield f"{counted(others, 'request')} {_were(others)} cancelled."


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
