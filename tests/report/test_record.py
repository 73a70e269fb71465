"""Span attributes become a record. Values that are absent or of the wrong type are unknown."""

from __future__ import annotations

import math

import pytest

from otel_promptcache.report.reading import attributes
from otel_promptcache.report.reading.record import CallRecord, Change
from otel_promptcache.telemetry import names

ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.response.model": "gpt-4.1-2025-04-14",
    "openai.api.type": "chat_completions",
    "gen_ai.request.stream": True,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 2000,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.cache_write.input_tokens": 1500,
    "promptcache.prefix.fingerprint": "0123456789abcdef",
    "promptcache.prefix.digest": "d",
    "promptcache.prefix.name": "bot",
    "promptcache.result": "miss",
    "promptcache.expected_tokens": 1900,
    "promptcache.avoidable_tokens": 0,
    "promptcache.miss.reason": "input_changed",
    "promptcache.miss.source": "client",
    "promptcache.miss.tokens": 1900,
    "promptcache.divergence.path": "instructions",
    "promptcache.divergence.token": 6,
    "promptcache.divergence.kind": "timestamp",
    "promptcache.divergence.paths": ["instructions", "instructions"],
    "promptcache.divergence.kinds": ["timestamp", "uuid"],
    "promptcache.divergence.tokens": [6, 20],
    "promptcache.divergence.other_template": True,
    "promptcache.breakpoint.path": "messages[2].content",
    "promptcache.usage.error": "cache_exceeds_input",
    "promptcache.write.ttl": "30m",
    "server.address": "api.openai.com",
    "gen_ai.provider.name": "openai",
    "run.start": "s",
    "run.leading": "l",
    "run.parts": "p",
    "run.is_cacheable": True,
    "run.lifetime_seconds": 300.0,
    "run.max_requests_per_minute": 15,
    "run.processed_seconds": 0.3,
    "run.call_site": "svc.py:21",
    "promptcache.savings.amount": -0.001,
    "promptcache.missed_savings.amount": 0.003,
    "promptcache.abandoned": False,
    "promptcache.time_to_first_token": 0.25,
    "error.type": "APIError",
}


def record(**attributes_: object) -> CallRecord:
    named = {name.replace("__", "."): value for name, value in attributes_.items()}
    return CallRecord.from_attributes(named, started_seconds=1.0, ended_seconds=2.0)


def test_every_attribute_is_read() -> None:
    assert set(ATTRIBUTES) == attributes.READ
    read = CallRecord.from_attributes(ATTRIBUTES, started_seconds=1.0, ended_seconds=2.0)
    assert read == CallRecord(
        started_seconds=1.0, ended_seconds=2.0, model="gpt-4.1-2025-04-14", api_type="chat_completions",
        operation="chat", is_stream=True, is_finished=True, error_type="APIError", fingerprint="0123456789abcdef", digest="d",
        name="bot", result="miss", input_tokens=2000, read_tokens=0, write_tokens=1500, write_ttl="30m", expected_tokens=1900,
        avoidable_tokens=0, reason="input_changed", source="client", missed_tokens=1900, path="instructions",
        token=6, kind="timestamp",
        changes=(Change("instructions", "timestamp", 6), Change("instructions", "uuid", 20)), is_other_template=True,
        breakpoint_path="messages[2].content", usage_error="cache_exceeds_input", host="api.openai.com", provider="openai", start="s",
        leading="l", parts="p", is_start_cacheable=True, lifetime_seconds=300.0, max_requests_per_minute=15.0,
        processed_seconds=0.3, call_site="svc.py:21", net_usd=-0.001, missed_usd=0.003, first_token_seconds=0.25,
    )  # fmt: skip


def test_every_attribute_of_ours_is_read_but_what_follows_from_others() -> None:
    stated = {names.GATEWAY_COST.name, names.GATEWAY_SAVED.name, names.HISTORY.name}
    assert {each.name for each in names.SPAN_ATTRIBUTES} - attributes.READ == {names.HIT_RATIO.name, *stated}


def test_nothing_is_invented_where_nothing_is_said() -> None:
    empty = record()
    assert empty == CallRecord(started_seconds=1.0, ended_seconds=2.0)
    assert empty.result == "unknown"
    assert empty.template is None
    assert empty.uncached_tokens is None
    assert not empty.has_failed
    assert not empty.has_split


@pytest.mark.parametrize(
    "lists",
    [
        ("a", ["uuid"], [1]),
        (["a"], None, [1]),
        (["a"], ["uuid"], ["1"]),
        ([7], ["uuid"], [1]),
        ([], [], []),
        (["a"], ["uuid"], [-1]),
    ],
)
def test_differences_that_are_not_in_order_are_not_known(lists: tuple[object, object, object]) -> None:
    named = dict(zip(("paths", "kinds", "tokens"), lists, strict=True))
    assert (
        record(**{f"promptcache__divergence__{name}": value for name, value in named.items()}).changes == ()
    )


def test_no_more_than_five_differences_are_read() -> None:
    many = {"paths": ["a"] * 90, "kinds": ["uuid"] * 90, "tokens": [1] * 90}
    assert (
        len(record(**{f"promptcache__divergence__{name}": value for name, value in many.items()}).changes)
        == 5
    )


@pytest.mark.parametrize("value", ["7", 7.0, -1, True, None, [7]])
def test_what_is_no_count_is_not_known(value: object) -> None:
    assert record(gen_ai__usage__input_tokens=value).input_tokens is None


@pytest.mark.parametrize("value", ["0.1", math.nan, math.inf, True, None])
def test_what_is_no_number_is_not_known(value: object) -> None:
    assert record(promptcache__savings__amount=value).net_usd is None


@pytest.mark.parametrize("value", [7, "", None, ["x"]])
def test_what_is_no_text_is_not_known(value: object) -> None:
    assert record(promptcache__miss__reason=value).reason is None


def test_a_zero_is_kept() -> None:
    read = record(
        gen_ai__usage__input_tokens=10,
        gen_ai__usage__cache_read__input_tokens=0,
        promptcache__savings__amount=0,
    )
    assert (read.read_tokens, read.net_usd, read.uncached_tokens) == (0, 0.0, 10)


def test_a_call_does_not_end_before_it_starts() -> None:
    assert CallRecord.from_attributes({}, started_seconds=5.0, ended_seconds=4.0).ended_seconds == 5.0


def test_the_template_is_the_name_or_else_the_fingerprint() -> None:
    assert record(promptcache__prefix__fingerprint="f").template == "f"
    assert record(promptcache__prefix__fingerprint="f", promptcache__prefix__name="n").template == "n"
