"""Response bodies and stream events as they are on the wire, and what is read from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_promptcache.core.exchange import Progress, Reply
from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, TokenUsage()),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
            TokenUsage(input_tokens=9, output_tokens=2),
        ),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, TokenUsage(input_tokens=9)),
        (
            {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0}},
            TokenUsage(input_tokens=9, cache_read_tokens=0),
        ),
        (
            {
                "prompt_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "completion_tokens": 7,
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            TokenUsage(
                input_tokens=9, cache_read_tokens=4, cache_write_tokens=0, output_tokens=7, reasoning_tokens=5
            ),
        ),
        (
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 3},
            TokenUsage(input_tokens=9, cache_read_tokens=6),
        ),
        (
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 0, "prompt_tokens_details": None},
            TokenUsage(input_tokens=9, cache_read_tokens=0),
        ),
    ],
)
@pytest.mark.parametrize("wire", [CHAT_COMPLETIONS, COMPLETIONS])
def test_chat_usage(wire: WireFormat, usage: object, expected: TokenUsage | None) -> None:
    assert wire.read_answer({"usage": usage}).usage == expected
    assert wire.read_answer({}).usage is None


def test_responses_usage_with_the_split_by_lifetime() -> None:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {
            "cached_tokens": 8,
            "cache_write_tokens": 6,
            "cache_write_tokens_details": {"ttl_30m_tokens": 4, "ttl_12h_tokens": 2},
        },
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    expected = TokenUsage(
        input_tokens=20, cache_read_tokens=8, cache_write_tokens=6, written_by_lifetime=(("30m", 4), ("12h", 2)), output_tokens=3, reasoning_tokens=0
    )  # fmt: skip
    assert RESPONSES.read_answer({"usage": usage}).usage == expected
    for event in ("completed", "incomplete", "failed"):
        assert (
            RESPONSES.read_answer({"type": f"response.{event}", "response": {"usage": usage}}).usage
            == expected
        )
    assert RESPONSES.read_answer({"type": "response.created", "response": {"usage": None}}).usage is None


@pytest.mark.parametrize(
    "usage",
    [
        "n/a",
        [],
        {"prompt_tokens": -5},
        {"prompt_tokens": "12"},
        {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 10}},
        {"prompt_tokens": 9, "prompt_tokens_details": "none"},
        {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 6}},
    ],
)
def test_impossible_usage_is_refused_as_a_whole(usage: object) -> None:
    part = CHAT_COMPLETIONS.read_answer({"model": "gpt-5", "usage": usage})
    assert isinstance(part.invalid_usage, InvalidUsageError)
    assert part.usage is None
    assert part.reply.model == "gpt-5"


def test_chat_reply() -> None:
    body = {
        "id": "chatcmpl-1",
        "model": "gpt-4o-2024-08-06",
        "service_tier": "flex",
        "choices": [{"finish_reason": "stop"}, {"finish_reason": None}, {"finish_reason": "length"}],
    }
    assert CHAT_COMPLETIONS.read_answer(body).reply == Reply(
        "chatcmpl-1", "gpt-4o-2024-08-06", "flex", {0: "stop", 2: "length"}
    )
    assert CHAT_COMPLETIONS.read_answer({"error": {"message": "no"}}).reply == Reply(error_type="APIError")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"id": "resp_1", "model": "gpt-5.6", "service_tier": "default", "status": "completed"},
            Reply("resp_1", "gpt-5.6", "default", {0: "completed"}, progress=Progress.ENDED),
        ),
        (
            {"type": "response.incomplete", "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}},
            Reply(finish_reasons={0: "max_output_tokens"}, progress=Progress.ENDED),
        ),
        (
            {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}},
            Reply(error_type="server_error", progress=Progress.ENDED),
        ),
        ({"response": {"status": "failed", "error": None}}, Reply(error_type="failed", progress=Progress.ENDED)),
        ({"error": {"code": "server_error"}}, Reply(error_type="server_error")),
        ({"error": {"code": "Sorry, Ann Smith!"}}, Reply(error_type="APIError")),
        ({"id": "resp_1", "status": "queued"}, Reply("resp_1", progress=Progress.PENDING)),
        ({"id": "resp_1", "status": "in_progress"}, Reply("resp_1", progress=Progress.PENDING)),
        ({"type": "error", "code": "rate_limit_exceeded"}, Reply(error_type="rate_limit_exceeded")),
        ({"type": "error", "code": None}, Reply(error_type="APIError")),
        ({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}, Reply("resp_1", progress=Progress.UNDER_WAY)),
        ({"type": "response.queued", "response": {"id": "resp_1", "status": "queued"}}, Reply("resp_1", progress=Progress.PENDING)),
        ({"id": "resp_1", "status": "cancelled"}, Reply("resp_1", progress=Progress.CANCELLED)),
    ],
)  # fmt: skip
def test_responses_reply(message: dict[str, Any], expected: Reply) -> None:
    assert RESPONSES.read_answer(message).reply == expected


def test_later_events_win_and_each_choice_has_its_last_finish_reason() -> None:
    reply = Reply(model="a", finish_reasons={0: "stop"}).updated(
        Reply(response_id="1", finish_reasons={1: "length", 0: "tool_calls"})
    )
    assert reply == Reply("1", "a", None, {0: "tool_calls", 1: "length"})
    assert reply.updated(Reply()) == reply
    assert Reply().updated(Reply(service_tier="flex")).service_tier == "flex"


@pytest.mark.parametrize(
    ("delta", "is_token"),
    [
        ({}, False),
        ({"role": "assistant", "content": ""}, False),
        ({"content": None}, False),
        ({"tool_calls": []}, False),
        ({"content": "Hi"}, True),
        ({"refusal": "No"}, True),
        ({"tool_calls": [{"index": 0}]}, True),
        ({"function_call": {"name": "f"}}, True),
        ({"reasoning_content": "Hm"}, True),
    ],
)
def test_first_token_of_a_chat_stream(delta: dict[str, Any], is_token: bool) -> None:
    assert CHAT_COMPLETIONS.read_answer({"choices": [{"delta": {}}, {"delta": delta}]}).has_token is is_token


@pytest.mark.parametrize(
    ("event", "is_token"),
    [
        ({"type": "response.created", "response": {}}, False),
        ({"type": "response.output_item.added", "item": {}}, False),
        ({"type": "response.output_text.delta", "delta": ""}, False),
        ({"type": "response.output_text.delta", "delta": "Hi"}, True),
        ({"type": "response.refusal.delta", "delta": "No"}, True),
        ({"type": "response.function_call_arguments.delta", "delta": "{"}, True),
        ({"type": "response.reasoning_summary_text.delta", "delta": "Hm"}, True),
        ({"type": "response.output_text.done", "text": "Hi"}, False),
        ({}, False),
    ],
)
def test_first_token_of_a_responses_stream(event: dict[str, Any], is_token: bool) -> None:
    assert RESPONSES.read_answer(event).has_token is is_token


def test_first_token_of_a_legacy_completion_stream() -> None:
    assert COMPLETIONS.read_answer({"choices": [{"text": "Hi"}]}).has_token
    assert not COMPLETIONS.read_answer({"choices": [{"text": ""}]}).has_token


@pytest.mark.parametrize("wire", [CHAT_COMPLETIONS, COMPLETIONS, RESPONSES])
@pytest.mark.parametrize("odd", [None, 3, "text", [], [None, 3], {"a": 1}])
def test_a_reply_of_any_shape_says_nothing_but_does_not_fail(wire: WireFormat, odd: object) -> None:
    members = (
        "id",
        "model",
        "service_tier",
        "choices",
        "status",
        "response",
        "incomplete_details",
        "delta",
        "type",
    )
    message = dict.fromkeys(members, odd)
    assert wire.read_answer(message).reply.finish_reasons is None
    assert wire.read_answer(message).has_token is False
    assert wire.read_answer(message).is_terminal is False


@pytest.mark.parametrize(
    ("wire", "event", "matters"),
    [
        (CHAT_COMPLETIONS, {"choices": [{"delta": {"content": 'usage": {'}}], "usage": None}, False),
        (CHAT_COMPLETIONS, {"choices": [], "usage": {"prompt_tokens": 1}}, True),
        (CHAT_COMPLETIONS, {"choices": [{"delta": {}, "finish_reason": "stop"}]}, True),
        (CHAT_COMPLETIONS, {"choices": [{"delta": {"content": "x"}, "finish_reason": None}]}, False),
        (CHAT_COMPLETIONS, {"error": {"message": "no"}}, True),
        (RESPONSES, {"type": "response.output_text.delta", "delta": "response.completed"}, False),
        (RESPONSES, {"type": "response.completed", "response": {}}, True),
        (RESPONSES, {"type": "response.incomplete", "response": {}}, True),
        (RESPONSES, {"type": "response.failed", "response": {}}, True),
        (RESPONSES, {"type": "error", "message": "no"}, True),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_late_events_are_found_without_decoding(
    wire: WireFormat, event: dict[str, Any], matters: bool, separators: tuple[str, str]
) -> None:
    raw = json.dumps(event, separators=separators).encode()
    assert (wire.late_events.search(raw) is not None) is matters


def test_terminal_events() -> None:
    assert RESPONSES.read_answer({"type": "response.incomplete"}).is_terminal
    assert RESPONSES.read_answer({"type": "error"}).is_terminal
    assert CHAT_COMPLETIONS.read_answer({"error": {"message": "no"}}).is_terminal
    assert not CHAT_COMPLETIONS.read_answer({"choices": [{"finish_reason": "stop"}]}).is_terminal
