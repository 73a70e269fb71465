"""Turns the calls of a run into everything that the report says. Pure: nothing is read, printed or guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otel_promptcache.report.findings.finding import Finding, ranked
from otel_promptcache.report.findings.lifetimes import PriceOf
from otel_promptcache.report.findings.misses import miss_findings
from otel_promptcache.report.findings.patterns import pattern_findings
from otel_promptcache.report.reading.merged import merge
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.reading.series import ReasonLoss, Spread, Timeline, losses, spread, timeline
from otel_promptcache.report.reading.summary import UNNAMED, TemplateRow, by_template, summarize


@dataclass(frozen=True, slots=True)
class FirstTokens:
    """Times to the first token in one template, by result."""

    template: str
    hits: Spread | None
    misses: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is shown about a run."""

    started_seconds: float | None
    """When the first call was made, since the Unix epoch; None if there was none."""
    duration_seconds: float
    """From the start of the first call to the end of the last one."""
    total: TemplateRow
    rows: tuple[TemplateRow, ...]
    """The templates, the most frequent first."""
    findings: tuple[Finding, ...]
    """The most expensive first. They look at the same calls from several angles, so their dollars do not add up."""
    timeline: Timeline
    losses: tuple[ReasonLoss, ...]
    corrected: int
    """Calls whose reason in the whole run differs from the one that their process gave."""
    first_tokens: tuple[FirstTokens, ...]
    """Of the templates with streams that hit or missed."""


def _not_known(_: CallRecord) -> None:
    return None


def build_report(calls: Iterable[CallRecord], price_of: PriceOf = _not_known) -> Report:
    """Sum up the calls of a run and find what they show.

    Args:
        calls: In any order.
        price_of: Returns what the tokens of a call cost, besides what was billed for it.
    """
    in_order = merge(sorted(calls, key=lambda call: call.started_seconds))
    groups = by_template(in_order)
    answered = {
        template: kept
        for template, group in groups.items()
        if (kept := [c for c in group if not c.has_failed])
    }
    started_seconds = in_order[0].started_seconds if in_order else None
    return Report(
        started_seconds=started_seconds,
        duration_seconds=max((call.ended_seconds for call in in_order), default=0.0)
        - (started_seconds or 0.0),
        total=summarize("total", in_order, times=False),
        rows=tuple(summarize(template or UNNAMED, group) for template, group in groups.items()),
        findings=ranked([*miss_findings(answered), *pattern_findings(answered, price_of)]),
        timeline=timeline([call for call in in_order if not call.has_failed]),
        losses=losses(in_order),
        corrected=sum(call.reason_in_process is not None for call in in_order),
        first_tokens=tuple(
            first
            for template, group in answered.items()
            if (first := _first_tokens(template or UNNAMED, group)) is not None
        ),
    )


def _first_tokens(template: str, calls: Iterable[CallRecord]) -> FirstTokens | None:
    times: dict[str, list[float | None]] = {"hit": [], "miss": []}
    for call in calls:
        if call.result in times:
            times[call.result].append(call.first_token_seconds)
    hits, misses = spread(times["hit"]), spread(times["miss"])
    return None if hits is None and misses is None else FirstTokens(template, hits, misses)
