"""The report as one self-contained page of HTML: it sends no request, and is readable even without its script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.rendering.document import timestamp
from otel_promptcache.report.rendering.notes import fine_print, why_empty
from otel_promptcache.report.rendering.page.findings import findings_list
from otel_promptcache.report.rendering.page.markup import Markup, element, raw
from otel_promptcache.report.rendering.page.plots import (
    first_token_plot,
    hit_ratio_plot,
    losses_plot,
    tokens_plot,
)
from otel_promptcache.report.rendering.page.table import templates_table
from otel_promptcache.report.rendering.templates import unnamed_origins
from otel_promptcache.report.rendering.wording import compact, counted, duration, share, usd
from otel_promptcache.report.report import Report
from otel_promptcache.version import __version__

_MOST_TEMPLATES = 8
"""In a plot; the table has them all."""


def render(report: Report, gathered: Gathered) -> str:
    """Return the whole page."""
    style, script = _own("page.css"), _own("page.js")
    # Allow nothing but this style and this script, whatever gets into the page.
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", "Prompt caching report"),
        element("style", style),
    )
    main = element("main", *_sections(report, gathered))
    return f"<!DOCTYPE html>\n{element('html', head, element('body', main, element('script', script)), lang='en')}\n"


def _own(name: str) -> Markup:
    """A file of ours next to this one."""
    return raw(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    """The form in which a policy names a script or a style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _sections(report: Report, gathered: Gathered) -> Iterator[Markup]:
    yield element("header", element("h1", "Prompt caching"), element("p", _when(report, gathered)))
    if not report.total.requests:
        yield element("p", f"Nothing to show: {why_empty(gathered)}.")
        return
    yield element("section", *_headline_numbers(report), class_="numbers")
    yield _section("Findings", *findings_list(report))
    yield _section("Templates", templates_table(report))
    if report.timeline.slices:
        yield _section("Hit ratio over time", hit_ratio_plot(report.timeline))
        yield _section("Input tokens over time", tokens_plot(report.timeline))
    if report.first_tokens:
        yield _section(
            "Time to the first token, hits and misses",
            first_token_plot(report.first_tokens[:_MOST_TEMPLATES], unnamed_origins(report)),
            element(
                "p",
                "The mark is the median. The thin line spans the middle 80% of the requests.",
                class_="note",
            ),
        )
    if report.losses:
        yield _section("Lost by reason", losses_plot(report.losses))
    yield element("footer", *(element("p", line) for line in (*fine_print(report, gathered), _made_by())))


def _when(report: Report, gathered: Gathered) -> str:
    started = timestamp(report.started_seconds)
    if started is None:
        return ""
    day, time = started.removesuffix("Z").split("T")
    processes = counted(gathered.processes, "process")
    return f"{duration(report.duration_seconds)}, from {day} {time} UTC, in {processes}"


def _headline_numbers(report: Report) -> Iterator[Markup]:
    total = report.total
    yield _number(share(total.eligible_hit_ratio), "of the input read from the cache")
    if total.net_usd is not None and total.net_usd < 0:
        yield _number(usd(-total.net_usd), "extra cost: writes cost more than reads saved", is_bad=True)
    else:
        yield _number(usd(total.net_usd), "saved, net of writes")
    lost = total.lost_usd
    if lost is None and total.lost_tokens:
        yield _number(compact(total.lost_tokens), "tokens lost to misses", is_bad=True)
    else:
        yield _number(usd(lost), "lost to misses", is_bad=bool(lost))
    yield _number(f"{total.requests:,}", f"requests with {counted(len(report.rows), 'template')}")


def _number(value: str, meaning: str, *, is_bad: bool = False) -> Markup:
    return element("p", element("strong", value, class_="bad" if is_bad else None), element("span", meaning))


def _section(title: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content)


def _made_by() -> str:
    return f"Generated by otel-promptcache {__version__}."
