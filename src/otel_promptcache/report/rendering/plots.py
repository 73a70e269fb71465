"""The plots of the HTML page: shapes in SVG that stretch with the page, and every word as HTML beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otel_promptcache.report.reading.series import ReasonLoss, Slice, Spread, Timeline
from otel_promptcache.report.rendering.markup import Markup, element, join
from otel_promptcache.report.rendering.wording import compact, counted, seconds, share, tokens, usd
from otel_promptcache.report.report import FirstTokens

_WIDTH, _HEIGHT = 1000.0, 100.0
_GAP = 0.15
"""Share of a slice that is left free beside its bar."""

_STATES = (("read", "read from the cache"), ("write", "written to it"), ("uncached", "neither"))

_MINUTE, _HOUR = 60.0, 3600.0


def hit_ratio_plot(timeline: Timeline) -> Markup:
    """The hit ratio over time."""
    bars = [
        join(
            _bar(index, len(timeline.slices), 0.0, 1.0, "empty"),
            _bar(index, len(timeline.slices), 0.0, ratio, "read"),
            _hover(index, timeline, f"{share(ratio)} of {counted(part.requests, 'request')}"),
        )
        for index, part in enumerate(timeline.slices)
        if (ratio := part.hit_ratio) is not None
    ]
    return _time_plot(timeline, bars, ("100%", "50%", "0%"), "Hit ratio over time")


def tokens_plot(timeline: Timeline) -> Markup:
    """Input tokens over time, by what became of them."""
    top = max((part.tokens for part in timeline.slices), default=0) or 1
    bars = [
        join(*_stack(index, len(timeline.slices), part, top), _hover(index, timeline, _split(part)))
        for index, part in enumerate(timeline.slices)
        if part.tokens
    ]
    legend = element(
        "p", *(element("span", name, class_=f"key {state}") for state, name in _STATES), class_="legend"
    )
    return join(
        legend, _time_plot(timeline, bars, (compact(top), compact(top / 2), "0"), "Input tokens over time")
    )


def first_token_plot(templates: Sequence[FirstTokens]) -> Markup:
    """Times to the first token, hits against misses, a pair of rows for each template."""
    spreads = [each for one in templates for each in (one.hits, one.misses) if each is not None]
    longest = max((each.high_seconds for each in spreads), default=0.0) or 1.0
    rows: list[Markup] = []
    for one in templates:
        rows.append(element("dt", one.template))
        rows += [
            element(
                "dd",
                element("span", name, class_="what"),
                _spread_bar(spread, longest, state),
                element("span", f"{seconds(spread.median_seconds)} ", _count(spread), class_="value"),
            )
            for name, state, spread in (("hits", "read", one.hits), ("misses", "lost", one.misses))
            if spread is not None
        ]
    return element("dl", *rows, class_="bars")


def losses_plot(losses: Sequence[ReasonLoss]) -> Markup:
    """What misses cost by reason: in dollars, or in tokens where nothing has a price."""
    is_priced = any(loss.lost_usd for loss in losses)
    sizes = [(loss.lost_usd or 0.0) if is_priced else loss.lost_tokens for loss in losses]
    longest = max(sizes, default=0) or 1
    rows: list[Markup] = []
    for loss, size in zip(losses, sizes, strict=True):
        value = usd(loss.lost_usd) if loss.lost_usd is not None else f"{tokens(loss.lost_tokens)} tokens"
        rows += [
            element("dt", loss.reason.replace("_", " ")),
            element(
                "dd",
                _row_svg(_rect(0, 20, _WIDTH * size / longest, 60, "lost")),
                element(
                    "span", f"{value} ", element("small", counted(loss.requests, "request")), class_="value"
                ),
            ),
        ]
    return element("dl", *rows, class_="bars plain")


def _time_plot(timeline: Timeline, bars: Iterable[Markup], marks: Sequence[str], label: str) -> Markup:
    shapes = element(
        "svg",
        *(
            element("line", x1=0, x2=_WIDTH, y1=_HEIGHT * part, y2=_HEIGHT * part, class_="grid")
            for part in (0, 0.5, 1)
        ),
        *bars,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
    end_seconds = timeline.slice_seconds * len(timeline.slices)
    times = (0.0, end_seconds / 2, end_seconds)
    return element(
        "div",
        element("div", *(element("span", mark) for mark in marks), class_="y"),
        shapes,
        element("div", *(element("span", _elapsed(time, end_seconds)) for time in times), class_="x"),
        class_="plot",
    )


def _stack(index: int, count: int, part: Slice, top: int) -> Iterable[Markup]:
    below = 0.0
    for state, amount in zip(
        (state for state, _ in _STATES),
        (part.read_tokens, part.write_tokens, part.uncached_tokens),
        strict=True,
    ):
        if amount:
            yield _bar(index, count, below, below + amount / top, state)
            below += amount / top


def _bar(index: int, count: int, low: float, high: float, state: str) -> Markup:
    """A bar of the plot over time, from one share of its height to another."""
    width = _WIDTH / count
    return _rect(
        (index + _GAP / 2) * width, (1 - high) * _HEIGHT, width * (1 - _GAP), (high - low) * _HEIGHT, state
    )


def _hover(index: int, timeline: Timeline, text: str) -> Markup:
    """An invisible bar of full height that says in words what is there."""
    width = _WIDTH / len(timeline.slices)
    end_seconds = timeline.slice_seconds * len(timeline.slices)
    title = element("title", f"{_elapsed(index * timeline.slice_seconds, end_seconds)}: {text}")
    return element(
        "rect", title, x=f"{index * width:.2f}", y=0, width=f"{width:.2f}", height=_HEIGHT, class_="hover"
    )


def _split(part: Slice) -> str:
    amounts = (part.read_tokens, part.write_tokens, part.uncached_tokens)
    return ", ".join(f"{tokens(amount)} {name}" for amount, (_, name) in zip(amounts, _STATES, strict=True))


def _spread_bar(spread: Spread, longest: float, state: str) -> Markup:
    low, middle, high = (
        _WIDTH * each / longest for each in (spread.low_seconds, spread.median_seconds, spread.high_seconds)
    )
    return _row_svg(
        _rect(0, 35, middle, 30, state),
        _rect(low, 46, max(high - low, 1), 8, "range"),
        _rect(max(middle - 4, 0), 15, 4, 70, "median"),
    )


def _count(spread: Spread) -> Markup:
    return element("small", f"of {spread.count:,}" if spread.count > 1 else "once")


def _row_svg(*shapes: Markup) -> Markup:
    return element(
        "svg", *shapes, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", preserveAspectRatio="none", aria_hidden="true"
    )


def _rect(x: float, y: float, width: float, height: float, state: str) -> Markup:
    return element(
        "rect", x=f"{x:.2f}", y=f"{y:.2f}", width=f"{width:.2f}", height=f"{height:.2f}", class_=state
    )


def _elapsed(time_seconds: float, end_seconds: float) -> str:
    """A time since the start, in a unit that suits the whole."""
    if time_seconds == 0:
        return "start"
    if end_seconds < 1:
        return f"{time_seconds * 1000:g} ms"
    if end_seconds < 2 * _MINUTE:
        return f"{time_seconds:.4g} s"
    return f"{time_seconds / _MINUTE:.3g} min" if end_seconds < 2 * _HOUR else f"{time_seconds / _HOUR:.3g} h"
