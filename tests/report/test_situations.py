"""Which advice a finding gives: ongoing or over, one place or several, which message, which server."""

from __future__ import annotations

import pytest

from otel_promptcache.report.reading.record import CallRecord, Change
from otel_promptcache.report.rules.rule import Cause
from tests.report.calls import call, findings, miss

IN_FRONT = {"path": "instructions", "kind": "edited"}


def run(pattern: str, reason: str = "input_changed", **fields: object) -> list[CallRecord]:
    """A call for each character: a dot is a hit, an x a miss."""
    return [
        miss(second, reason, **fields) if mark == "x" else call(second) for second, mark in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "is_one_off"),
    [
        (".....x.....", True),
        ("x.....", True),
        (".....x....", False),
        (".....x", False),
        ("....x....x....x....", False),
        ("." * 20 + "x" + "." * 20 + "x" + "." * 20, True),
        ("." * 20 + "x" + "." * 19 + "x" + "." * 20, False),
        (("." * 20 + "x") * 4 + "." * 20, False),
        ("xx.....", False),
    ],
)
def test_what_changed_once_and_is_stable_since_is_not_projected(pattern: str, *, is_one_off: bool) -> None:
    finding = findings(*run(pattern, **IN_FRONT))["edited-in-front"]
    assert finding.is_one_off is is_one_off
    assert ("per 1,000 requests" in finding.paragraph) is (not is_one_off and len(pattern) >= 20)
    assert ("This run lost" in finding.paragraph) is (not is_one_off and len(pattern) < 20)
    assert ("stable since" in finding.evidence) is is_one_off
    assert finding.advice.startswith("If the change was intended, there is nothing to do") is is_one_off
    assert (" Otherwise: Keep it the same byte for byte" in finding.advice) is is_one_off
    assert (finding.usd_per_1000_requests is None) is is_one_off
    if is_one_off:
        assert finding.cost == f"This cost the run ${0.002 * pattern.count('x'):.4f}."


def test_what_goes_on_comes_before_what_was_dearer_and_is_over() -> None:
    once = [
        miss(0, name="a", missed_usd=5.0, **IN_FRONT),
        *(call(second, name="a") for second in range(1, 9)),
    ]
    found = findings(*once, *(miss(second, name="b", missed_usd=0.1, **IN_FRONT) for second in range(20, 25)))
    assert found["edited-in-front"].template == "a"  # the last finding with that id
    assert found["edited-in-front"].is_one_off


CHANGES = (
    Change("instructions", "uuid", 3), Change("instructions", "timestamp", 9), Change("messages[1].content", "number", 90),
)  # fmt: skip


def test_all_places_are_named() -> None:
    fields = {"path": "instructions", "kind": "uuid", "token": 3, "changes": CHANGES}
    finding = findings(*run("xxxxx", **fields))["id-in-front"]
    assert "`instructions` (a date or time), `messages[1].content` (a number)" in finding.evidence
    assert "all 3 places: fixing only the first one gains nothing" in finding.advice


@pytest.mark.parametrize(
    ("fields", "words", "snippet"),
    [
        ({"breakpoint_path": "messages[4].content"}, "end of the history, on `messages[4].content`", "implicit"),
        (
            {"breakpoint_path": "messages[0].content", "path": "messages[1].content", "kind": "edited"},
            "at the end of `messages[0].content`", "prompt_cache_breakpoint",
        ),
        ({"path": "messages[0].content", "kind": "edited"}, "diverge inside `messages[0].content`", "SHARED_TEXT"),
        ({}, "or use implicit mode", None),
    ],
    ids=["history grew", "a message ends", "inside a message", "not known"],
)  # fmt: skip
def test_the_breakpoint_belongs_to_a_certain_message(
    fields: dict[str, object], words: str, snippet: str | None
) -> None:
    finding = findings(*run("xxxxx", "no_matching_breakpoint", **fields))["no-matching-breakpoint"]
    assert words in finding.paragraph
    assert (snippet is None) is (finding.snippet is None)
    assert snippet is None or snippet in str(finding.snippet)
    assert ("inside" in finding.what) is ("SHARED" in str(snippet))


def test_the_snippet_is_for_the_api_that_is_used() -> None:
    fields = {"breakpoint_path": "input[0].content", "path": "input[1].content", "kind": "edited"}
    of_apis = [
        findings(*run("xxxxx", "no_matching_breakpoint", api_type=api, **fields))[
            "no-matching-breakpoint"
        ].snippet
        for api in ("chat_completions", "responses", None)
    ]
    assert ['"input_text"' in str(snippet) for snippet in of_apis] == [False, True, False]


def test_a_finding_that_rests_on_another_template_says_so() -> None:
    for reason, path in (("input_changed", "tools[0]"), ("input_changed", "messages[0].content")):
        (finding,) = findings(
            *run("xxxxx", reason, path=path, kind="removed", is_other_template=True)
        ).values()
        assert finding.title == "Another template shares this text"
        assert "tools change" not in finding.paragraph


@pytest.mark.parametrize(
    ("pattern", "is_persistent"),
    [
        ("...........x", False),
        ("..x....x....x....x", False),
        ("..xxx......", True),
        (".x.x.x.xx", True),
        ("xx", False),
        ("x.x.x", True),
    ],
)
def test_an_unchanged_prompt_that_keeps_missing_is_something_to_act_on(
    pattern: str, *, is_persistent: bool
) -> None:
    finding = findings(*run(pattern, "provider", host="api.openai.com"))["provider"]
    assert (finding.cause is Cause.PROVIDER) is not is_persistent
    assert ("nothing to change" in finding.advice) is not is_persistent
    assert "prompt_cache_key" in finding.advice


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("api.x.ai", "x-grok-conv-id"),
        ("eu-west-1.api.x.ai", "x-grok-conv-id"),
        ("api.fireworks.ai", "x-session-affinity"),
        ("openrouter.ai", "allow_fallbacks"),
        ("notopenrouter.ai", "affinity"),
        ("localhost", "--enable-prefix-caching"),
        (None, "affinity"),
    ],
)
def test_what_can_be_tried_depends_on_the_server(host: str | None, words: str) -> None:
    assert words in findings(*run("xxxx", "provider", host=host))["provider"].advice


def test_impossible_usage_is_said_to_be_so() -> None:
    bad = {"result": "unknown", "read_tokens": None, "expected_tokens": None, "net_usd": None}
    found = findings(
        call(0), *(call(second, usage_error="cache_exceeds_input", **bad) for second in range(1, 5)),
        call(6, usage_error="invalid_count", **bad),
    )  # fmt: skip
    finding = found["cached-outside-input"]
    assert (finding.requests, finding.of_requests) == (4, 6)
    assert "inconsistent" in finding.what
    assert "All figures of this template cover only the other 1 request." in finding.evidence
    assert found["invalid-usage"].requests == 1


def test_the_setting_is_named() -> None:
    fields = {"path": "headers.session_id", "kind": None}
    finding = findings(*run("xxxxx", "settings_changed", **fields))["settings-changed"]
    assert "`headers.session_id` differs from earlier requests" in finding.what
    assert "Keep `headers.session_id` the same for a whole conversation" in finding.advice
    assert finding.snippet == 'extra_headers={"session_id": CONVERSATION}'
