"""The page is self-contained and well-formed, and nothing that was read becomes markup."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.page.html import render
from otel_promptcache.report.rendering.page.markup import (
    Markup,
    breakable,
    code_spans,
    element,
    join,
    raw,
    text_block,
)
from otel_promptcache.report.rendering.wording import NOT_KNOWN
from otel_promptcache.report.report import build_report
from tests.report.calls import call, gathered, miss
from tests.report.scenarios import SCENARIOS

EVIL = "<script>alert('1')</script> \"&amp;\" ` </style>"
VOID = {"meta", "input"}


class Page(HTMLParser):
    """The elements and the text of a page; fails if elements are not nested properly."""

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
        if self.open[-1:] not in (["style"], ["script"]):
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
    assert "not caused by your application" in shown.text
    assert "prompt cache" in shown.text.lower()
    assert shown.count("li") == len(build_report(rich_run()).findings) == 8
    assert "3 further findings" in shown.text
    assert shown.count("tr") == 1 + 9 + 1
    assert "$0.2280" in shown.text  # lost to misses
    assert shown.count("title") > 3
    assert "at 2.00 s: 96.0% of the input read from the cache, 2 requests" in shown.text


def test_the_page_needs_nothing_else() -> None:
    markup = render(build_report(rich_run()), gathered(*rich_run()))
    assert markup.startswith("<!DOCTYPE html>\n<html")
    assert not re.search(
        r"https?:|//(?! )|@import|url\(|<link|<img|<iframe|\ssrc=|\shref=\"(?!#finding-\d)|\son\w+=", markup
    )
    assert "prefers-color-scheme: dark" in markup
    assert 'name="viewport"' in markup


def test_the_page_lets_nothing_run_but_its_own_script_and_style() -> None:
    markup = render(build_report(rich_run()), gathered(*rich_run()))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', markup)
    assert policy is not None
    allowed = []
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", markup, re.DOTALL)
        allowed.append(f"{tag}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'")
    assert policy[1].replace("&#x27;", "'") == "; ".join(("default-src 'none'", *allowed))
    # An attribute that a policy without 'unsafe-inline' would ignore.
    assert " style=" not in markup.partition("<script>")[0]


def test_without_its_script_nothing_is_shown_that_needs_it() -> None:
    shown = page(*rich_run(), *(miss(50 + n, name=f"more{n}", missed_tokens=9) for n in range(9)))
    inert = [attrs for name, attrs in shown.elements if name == "button" or attrs.get("class") == "filter"]
    assert len(inert) >= 2
    assert all("hidden" in attrs for attrs in inert)


def test_each_line_of_a_snippet_is_a_line_of_the_page() -> None:
    scenario = SCENARIOS["nine-applications"]()
    snippet = next(finding.snippet for finding in scenario.report().findings if finding.snippet)
    assert snippet.count("\n") == 3
    assert snippet in Page(render(scenario.report(), scenario.known)).text


def test_what_no_cache_could_have_served_has_no_ratio() -> None:
    shown = page(*(call(n, result="ineligible", input_tokens=300, read_tokens=0) for n in range(3)))
    assert "not cacheable" in shown.text
    assert "0.0%" not in shown.text
    assert f"{NOT_KNOWN}of the input read from the cache" in shown.text
    assert "0.0%" in page(*(miss(n) for n in range(3))).text


def test_a_template_without_a_name_is_told_by_where_it_comes_from() -> None:
    unnamed = {"name": None, "fingerprint": "0123456789abcdef", "call_site": "svc.py:21"}
    shown = page(*(miss(n, **unnamed, first_token_seconds=0.9) for n in range(3)))
    assert shown.text.count("gpt-4.1 · Chat Completions · svc.py:21") == 3  # finding, row, times


def test_a_flood_of_templates_is_cut_and_counted() -> None:
    shown = page(*(call(n, name=f"t{n}") for n in range(1_003)))
    assert shown.count("tr") == 1 + 1_000 + 1
    assert "3 further templates: --json has all of them." in shown.text
    assert "requests with 1,003 templates" in shown.text


def test_a_finding_is_linked_from_its_template() -> None:
    shown = page(*rich_run())
    ids = {attrs["id"] for name, attrs in shown.elements if name == "li"}
    links = [attrs["href"] or "" for name, attrs in shown.elements if name == "a"]
    assert {link.removeprefix("#") for link in links} == ids
    assert len(links) == len(ids) == 8


def test_nothing_that_was_read_becomes_markup() -> None:
    calls = [
        miss(0, EVIL, name=EVIL, model=EVIL, path=EVIL, kind=EVIL, source=EVIL, first_token_seconds=0.1),
        call(1, name=EVIL, fingerprint=EVIL, model=EVIL, net_usd=None, first_token_seconds=0.1),
    ]
    shown = page(*calls, notes=(EVIL,))
    assert shown.text.count("<script>") >= 5
    assert shown.count("script") == 1
    assert shown.count("style") == 1
    assert all("`" not in name and "'" not in name for _, attrs in shown.elements for name in attrs)


def test_a_page_without_calls_says_why() -> None:
    assert (
        "Nothing to show: no call through the OpenAI, Anthropic or LiteLLM SDK was made, as none was imported, so there is no report."
        in page(processes=0).text
    )


def test_a_saving_below_zero_is_an_extra_cost() -> None:
    shown = page(call(0, net_usd=-0.0022, write_tokens=100))
    assert "$0.0022extra cost: writes cost more than reads saved" in shown.text
    assert "saved, net of writes" not in shown.text
    assert "$0.0022saved, net of writes" in page(call(0, net_usd=0.0022)).text


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
    ("seconds", "label"), [(0.19, "150 ms"), (95, "60 s"), (3600, "60 min"), (36_000, "9 h")]
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
    assert text_block("a<\n\x1b") == "a&lt;\n\\x1b"
    assert breakable("a_<b>.long/name:v2") == "a_&lt;b&gt;.<wbr/>long/<wbr/>name:v2"
    assert code_spans("use `a<b>` and `c") == "use <code>a&lt;b&gt;</code> and `c"
    assert code_spans("``` a``b ``` and `c`") == "<code>a``b</code> and <code>c</code>"
