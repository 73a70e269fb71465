"""What is shown for each template, in a terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.rendering.wording import (
    NOT_KNOWN,
    bare_usd,
    compact,
    rounded_share,
    seconds,
    share,
)
from otel_promptcache.report.report import Report

HIT_RATIO = "hit ratio"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a template."""

    header: str
    meaning: str
    rank: int
    """The one with the highest rank is left out first if there is little room."""
    value: Callable[[TemplateRow], float | None]
    written: Callable[[float | None], str]
    is_bad: Callable[[float], bool] = lambda _: False

    def text(self, row: TemplateRow) -> str:
        """A template's number in readable form."""
        return self.written(self.value(row))

    def is_alarming(self, row: TemplateRow) -> bool:
        """Whether a template's number is a bad one."""
        value = self.value(row)
        return value is not None and self.is_bad(value)


def _count(count: float | None) -> str:
    return NOT_KNOWN if count is None else f"{count:,.0f}"


_REQUESTS = Figure("requests", "Requests, including failed ones", 0, lambda row: row.requests, _count)
_RATIO = Figure(
    HIT_RATIO,
    "Share of the input tokens that was read from the cache",
    0,
    lambda row: row.eligible_hit_ratio,
    share,
)
_TOKENS = (
    Figure("read", "Input tokens read from the cache", 4, lambda row: row.read_tokens, compact),
    Figure("write", "Input tokens written to the cache", 7, lambda row: row.write_tokens, compact),
    Figure("uncached", "Input tokens neither read nor written", 8, lambda row: row.uncached_tokens, compact),
)
_DOLLARS = (
    Figure(
        "net $",
        "Read discounts minus write surcharges, in US dollars",
        1,
        lambda row: row.net_usd,
        bare_usd,
        lambda value: value < 0,
    ),
    Figure("lost $", "Cost of misses, in US dollars", 2, lambda row: row.lost_usd, bare_usd, bool),
)
_LOST_TOKENS = (
    Figure(
        "tokens lost", "Tokens processed again after misses", 2, lambda row: row.lost_tokens, compact, bool
    ),
)
_TIMES = (
    Figure("TTFT hit", "Median time to the first token of hits", 5, lambda row: row.hit_seconds, seconds),
    Figure("TTFT miss", "Median time to the first token of misses", 6, lambda row: row.miss_seconds, seconds),
)
_UNKNOWN = Figure(
    "unknown", "Share of requests whose result is not known", 3, lambda row: row.unknown_share, rounded_share
)


def figures(report: Report) -> Sequence[Figure]:
    """Choose the figures that say something about this run."""
    total = report.total
    has_dollars = total.net_usd is not None or total.lost_usd is not None
    optional = (*_TOKENS, *(_DOLLARS if has_dollars else _LOST_TOKENS), *_TIMES)
    known = [figure for figure in optional if any(figure.value(row) is not None for row in report.rows)]
    unknown = (_UNKNOWN,) if total.unknown_share else ()  # most runs know all their results
    return (_REQUESTS, _RATIO, *known, *unknown)
