"""The plots of the HTML page: shapes in SVG that stretch with the page, and all words outside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from otel_promptcache.report.reading.series import ReasonLoss, Slice, Spread, Timeline
from otel_promptcache.report.rendering.page.axes import Tick, count_ticks, horizontal, time_ticks, vertical
from otel_promptcache.report.rendering.page.markup import Markup, element, join
from otel_promptcache.report.rendering.wording import counted, duration, seconds, share, tokens, usd
from otel_promptcache.report.report import FirstTokens

_WIDTH, _HEIGHT = 1000.0, 100.0
_GAP = 0.15
"""Share of a slice that is left free next to its bar."""

_STATES = (
    ("read", "read from the cache"),
    ("write", "written to the cache"),
    ("lost", "processed again after a miss"),
    ("uncached", "other uncached input"),
)
_NOTHING_READ = 0.03
"""The height of the mark for requests that read nothing."""


def hit_ratio_plot(timeline: Timeline) -> Markup:
    """The hit ratio over time; a sentence instead if it is always 0."""
    ratios = [(index, part, part.hit_ratio) for index, part in enumerate(timeline.slices)]
    known = [(index, part, ratio) for index, part, ratio in ratios if ratio is not None]
    if not any(ratio for _, _, ratio in known):
        return element("p", "Nothing was read from the cache at any time.")
    count = len(timeline.slices)
    bars = [
        join(
            _bar(index, count, 0.0, ratio, "read")
            if ratio
            else _bar(index, count, 0.0, _NOTHING_READ, "lost"),
            _hover(
                index,
                timeline,
                f"{share(ratio)} of the input read from the cache, {counted(part.requests, 'request')}",
            ),
        )
        for index, part, ratio in known
    ]
    legend = [("read", "share of the input read from the cache")]
    if not all(ratio for _, _, ratio in known):
        legend.append(("lost", "nothing read"))
    low, high = min(ratio for _, _, ratio in known), max(ratio for _, _, ratio in known)
    ticks = [Tick(part / 4, f"{part * 25}%") for part in range(5)]
    label = f"Hit ratio over time, between {share(low)} and {share(high)}"
    return join(_legend(legend), _time_plot(timeline, bars, ticks, label))


def tokens_plot(timeline: Timeline) -> Markup:
    """Input tokens over time, by state."""
    most, ticks = count_ticks(max((part.tokens for part in timeline.slices), default=0) or 1)
    bars = [
        join(*_stack(index, len(timeline.slices), part, most), _hover(index, timeline, _split(part)))
        for index, part in enumerate(timeline.slices)
        if part.tokens
    ]
    seen = [
        state
        for state, amounts in zip(_STATES, zip(*map(_amounts, timeline.slices), strict=True), strict=True)
        if any(amounts)
    ]
    return join(_legend(seen), _time_plot(timeline, bars, ticks, "Input tokens over time"))


def first_token_plot(templates: Sequence[FirstTokens], origins: Mapping[str, str]) -> Markup:
    """Times to the first token of hits and of misses, a pair of rows for each template.

    Args:
        templates: The templates to show.
        origins: Where templates without a name come from.
    """
    spreads = [each for one in templates for each in (one.hits, one.misses) if each is not None]
    longest = max((each.high_seconds for each in spreads), default=0.0) or 1.0
    rows: list[Markup] = []
    for one in templates:
        told = origins.get(one.template)
        rows.append(element("dt", one.template, *([" ", element("small", told)] if told else [])))
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
    """What misses cost by reason: in dollars, or in tokens if nothing has a price."""
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


def _legend(states: Sequence[tuple[str, str]]) -> Markup:
    return element(
        "p", *(element("span", name, class_=f"key {state}") for state, name in states), class_="legend"
    )


def _time_plot(timeline: Timeline, bars: Iterable[Markup], ticks: Sequence[Tick], label: str) -> Markup:
    shapes = element(
        "svg",
        *(
            element("line", x1=0, x2=_WIDTH, y1=f"{at:.2f}", y2=f"{at:.2f}", class_="grid")
            for at in (_HEIGHT * (1 - tick.share) for tick in ticks)
        ),
        *bars,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_="area",
    )
    times = time_ticks(timeline.slice_seconds * len(timeline.slices))
    return element("div", vertical(ticks), shapes, horizontal(times), class_="plot")


def _amounts(part: Slice) -> tuple[int, ...]:
    """Tokens by state, in the order of the states."""
    return part.read_tokens, part.write_tokens, part.lost_tokens, part.uncached_tokens - part.lost_tokens


def _stack(index: int, count: int, part: Slice, most: float) -> Iterable[Markup]:
    below = 0.0
    for (state, _), amount in zip(_STATES, _amounts(part), strict=True):
        if amount:
            yield _bar(index, count, below, below + amount / most, state)
            below += amount / most


def _bar(index: int, count: int, low: float, high: float, state: str) -> Markup:
    """A bar of the plot over time, from one share of its height to another."""
    width = _WIDTH / count
    return _rect(
        (index + _GAP / 2) * width, (1 - high) * _HEIGHT, width * (1 - _GAP), (high - low) * _HEIGHT, state
    )


def _hover(index: int, timeline: Timeline, text: str) -> Markup:
    """An invisible bar of full height with a tooltip that says in words what is there."""
    width = _WIDTH / len(timeline.slices)
    title = element("title", f"at {duration(index * timeline.slice_seconds)}: {text}")
    return element(
        "rect", title, x=f"{index * width:.2f}", y=0, width=f"{width:.2f}", height=_HEIGHT, class_="hover"
    )


def _split(part: Slice) -> str:
    amounts = zip(_amounts(part), _STATES, strict=True)
    return ", ".join(f"{tokens(amount)} {name}" for amount, (_, name) in amounts if amount)


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
