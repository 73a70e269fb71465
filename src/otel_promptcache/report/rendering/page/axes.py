"""Axes with round numbers, as SVG that does not stretch: positions are shares, and so are right at every width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from otel_promptcache.report.rendering.page.markup import Markup, element

_MOST_INTERVALS, _MOST_TIMES = 4, 5
_STEPS = (1, 2, 5, 10)
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3_600, 86_400
_TIME_STEPS = (
    *(_SECOND * step for step in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE * step for step in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * step for step in (1, 2, 3, 6, 12)),
)
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"), (0.001, "ms"))
_MILLION, _TEN_THOUSAND, _THOUSAND = 1_000_000, 10_000, 1_000
_NEAR_THE_END = 0.93
"""From here on, a label centred on its tick would stick out."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis."""

    share: float
    """As a share of its length."""
    label: str


def count_ticks(most: float) -> tuple[float, list[Tick]]:
    """Return the round end of an axis that reaches at least up to a number, and its ticks."""
    step = _round_step(most / _MOST_INTERVALS)
    intervals = max(1, math.ceil(most / step - 1e-9))
    end = step * intervals
    return end, [Tick(n / intervals, _count(step * n)) for n in range(intervals + 1)]


def time_ticks(length_seconds: float) -> list[Tick]:
    """The ticks of an axis that spans a time, at round times."""
    wanted = length_seconds / _MOST_TIMES
    step = next((each for each in _TIME_STEPS if each >= wanted), None) if wanted >= _SECOND else None
    if step is None:
        step = _round_step(wanted) if wanted < _SECOND else _DAY * _round_step(wanted / _DAY)
    smallest = step if length_seconds < _SECOND else max(step, _SECOND)
    size, unit = next((each for each in _UNITS if smallest >= each[0]), _UNITS[-1])
    times = (step * n for n in range(math.floor(length_seconds / step + 1e-9) + 1))
    return [Tick(time / length_seconds, f"{time / size:.6g} {unit}" if time else "start") for time in times]


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ..., or of their fractions."""
    if least <= 0:
        return 1
    unit = 10.0 ** math.floor(math.log10(least))
    return next((step * unit for step in _STEPS if step * unit >= least * (1 - 1e-9)), 10 * unit)


def _count(count: float) -> str:
    """Write a round number in few characters, exactly."""
    if count >= _MILLION:
        return f"{count / _MILLION:,.6g}M"
    return f"{count / _THOUSAND:.6g}k" if count >= _TEN_THOUSAND else f"{count:,.6g}"


def vertical(ticks: Sequence[Tick]) -> Markup:
    """The labels of a vertical axis."""
    return element(
        "svg",
        *(element("text", tick.label, x="100%", y=_percent(1 - tick.share), dy="0.32em") for tick in ticks),
        class_="y",
    )


def horizontal(ticks: Sequence[Tick]) -> Markup:
    """The labels of a horizontal axis."""
    return element(
        "svg",
        *(
            element("text", tick.label, x=_percent(tick.share), y="1em", class_=_anchor(tick.share))
            for tick in ticks
        ),
        class_="x",
    )


def _anchor(share: float) -> str:
    return "first" if share == 0 else "last" if share > _NEAR_THE_END else "middle"


def _percent(share: float) -> str:
    return f"{share * 100:.6g}%"
