"""The page: complete in itself, well-formed, and nothing that was read is taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.html import render
from otel_promptcache.report.rendering.markup import Markup, code_spans, element, join, raw
from otel_promptcache.report.report import build_report
from tests.report.calls import call, gathered, miss

EVIL = "<script>alert('1')</script> \"&amp;\" ` </style>"
VOID = {"meta"}


class Page(HTMLParser):
    """The elements and the text of a page; fails where elements are not nested properly."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def count(self, tag: str, class_: str | None = None) -> int:
        return sum(
            name == tag and (class_ is None or attrs.get("class") == class_) for name, attrs in self.elements
        )


def page(*calls: CallRecord, **known: object) -> Page:
    return Page(render(build_report(calls), gathered(*calls, **known)))


def rich_run() -> list[CallRecord]:
    return [
        *(call(n, first_token_seconds=0.1, write_tokens=10) for n in range(20)),
        *(
            miss(20 + n, name="digest", path="instructions", kind="timestamp", first_token_seconds=0.9)
            for n in range(9)
        ),
        *(miss(30 + n, "provider", name=f"t{n}", missed_usd=0.01 * n) for n in range(7)),
    ]


def test_a_whole_report() -> None:
    shown = page(*rich_run())
    for text in (
        "Hit ratio over time",
        "Input tokens over time",
        "Time to the first token",
        "Lost by reason",
        "Templates",
    ):
        assert text in shown.text
    assert "not your application" in shown.text
    assert "prompt cache" in shown.text.lower()
    assert shown.count("li") == len(build_report(rich_run()).findings) == 8
    assert "3 further findings" in shown.text
    assert shown.count("tr") == 1 + 9 + 1
    assert "$0.2280" in shown.text  # lost to misses
    assert shown.count("title") > 3


def test_the_page_needs_nothing_else() -> None:
    markup = render(build_report(rich_run()), gathered(*rich_run()))
    assert markup.startswith("<!DOCTYPE html>\n<html")
    assert not re.search(
        r"https?:|//|@import|url\(|<script|<link|<img|<iframe|\ssrc=|\shref=|\son\w+=", markup
    )
    assert "prefers-color-scheme: dark" in markup
    assert 'name="viewport"' in markup


def test_nothing_that_was_read_becomes_markup() -> None:
    calls = [
        miss(0, EVIL, name=EVIL, model=EVIL, path=EVIL, kind=EVIL, source=EVIL, first_token_seconds=0.1),
        call(1, name=EVIL, fingerprint=EVIL, model=EVIL, net_usd=None, first_token_seconds=0.1),
    ]
    shown = page(*calls, notes=(EVIL,))
    assert shown.text.count("<script>") >= 5
    assert shown.count("script") == 0
    assert shown.count("style") == 1
    assert all("`" not in name and "'" not in name for _, attrs in shown.elements for name in attrs)


def test_a_page_without_calls_says_why() -> None:
    assert (
        "Nothing to show: neither the SDK of OpenAI nor that of Anthropic was used." in page(processes=0).text
    )


def test_a_page_without_prices_shows_tokens() -> None:
    shown = page(miss(0, missed_usd=None, net_usd=None), miss(1, missed_usd=None, net_usd=None))
    assert "3,600tokens lost to misses" in shown.text
    assert "3,600 tokens lost" in shown.text


def test_a_page_with_nothing_reported_has_no_plots() -> None:
    silent = {
        "result": "unknown",
        "input_tokens": None,
        "read_tokens": None,
        "net_usd": None,
        "expected_tokens": None,
    }
    shown = page(call(0, **silent, is_stream=True))
    assert shown.count("svg") == 0
    assert "Streams do not report their usage" in shown.text
    assert "None." in page(call(0)).text


@pytest.mark.parametrize(
    ("seconds", "label"), [(0.19, "200 ms"), (95, "100 s"), (3600, "66.7 min"), (36_000, "11.1 h")]
)
def test_the_time_axis_has_a_unit_that_suits(seconds: float, label: str) -> None:
    assert label in page(call(0), call(seconds)).text


def test_markup_escapes_what_is_no_markup() -> None:
    assert (
        element("p", "<b>", raw("<i/>"), title='"', class_="a", data_x=None)
        == '<p title="&quot;" class="a">&lt;b&gt;<i/></p>'
    )
    assert element("rect", x=1, aria_hidden="true") == '<rect x="1" aria-hidden="true"/>'
    assert element("b", name="n") == '<b name="n"></b>'
    assert isinstance(join("a", raw("b")), Markup)
    assert code_spans("use `a<b>` and `c") == "use <code>a&lt;b&gt;</code> and `c"
    assert code_spans("``` a``b ``` and `c`") == "<code>a``b</code> and <code>c</code>"
