"""What is seen of a stream: the same for any chunking, and decoded only when needed."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.calls.answer import Answer
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.guard import Guard
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES


def chat_event(delta: dict[str, Any], finish_reason: str | None = None, **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "model": "gpt-5", "choices": [choice], "usage": None, **members}


CHAT = [
    chat_event({"role": "assistant", "content": ""}),
    *[chat_event({"content": text}) for text in ("Hi", "[DO", "[DONE]", '"error": {', "\r\n\r\n", "é\n\n")],
    chat_event({}, "stop"),
    chat_event({}, choices=[], usage={"prompt_tokens": 7, "completion_tokens": 5}),
]
DELTA = {"type": "response.output_text.delta", "item_id": "msg_1"}
RESPONSE = [
    {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "status": "in_progress"}},
    *[{**DELTA, "delta": text} for text in ("", "Hi", "[DONE]", '"type": "error"', "\r\n\r\n")],
    {
        "type": "response.completed",
        "response": {
            "id": "resp_1",
            "model": "gpt-5",
            "status": "completed",
            "usage": {"input_tokens": 7, "output_tokens": 5},
        },
    },
]
STREAMS: list[tuple[WireFormat, list[dict[str, Any]], int]] = [
    (CHAT_COMPLETIONS, CHAT, 1),
    (RESPONSES, RESPONSE, 2),
]
"""The format, the events, and the index of the one with the first token."""


def encoded(wire: WireFormat, messages: list[dict[str, Any]]) -> list[bytes]:
    events = [b"data: " + json.dumps(message).encode() + b"\n\n" for message in messages]
    return [*events, b"data: [DONE]\n\n"] if wire is CHAT_COMPLETIONS else events


def opened(wire: WireFormat) -> Answer:
    answer = Answer(Guard(lambda *_: None, strict=True), wire)
    answer.open("")
    return answer


@pytest.mark.parametrize(("wire", "messages", "first_token"), STREAMS, ids=["chat", "responses"])
@given(sizes=st.lists(st.integers(0, 250)))
def test_what_is_seen_does_not_depend_on_the_chunking(
    wire: WireFormat, messages: list[dict[str, Any]], first_token: int, sizes: list[int]
) -> None:
    events = encoded(wire, messages)
    stream, answer, position = b"".join(events), opened(wire), 0
    for size in [*sizes, len(stream)]:
        chunk = stream[position : position + size]
        position += len(chunk)
        if not answer.passes_over(chunk):
            answer.feed(chunk, at=position)
        # Only the byte that completes an event reveals its content, and it does so immediately.
        first_token_end = len(b"".join(events[: first_token + 1]))
        assert (answer.first_token_at is not None) == (position >= first_token_end)
        assert answer.is_complete == (position == len(stream))
    assert answer.first_token_at is not None
    assert answer.reply.model == "gpt-5"
    assert answer.reply.finish_reasons == ({0: "stop"} if wire is CHAT_COMPLETIONS else {0: "completed"})
    assert answer.reply.error_type is None
    assert answer.usage == TokenUsage(input_tokens=7, output_tokens=5)


@pytest.mark.parametrize(("wire", "messages", "first_token"), STREAMS, ids=["chat", "responses"])
def test_output_behind_the_first_token_is_not_decoded(
    wire: WireFormat, messages: list[dict[str, Any]], first_token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = opened(wire)
    before, behind = messages[: first_token + 1], messages[first_token] | {"obfuscation": "x"}
    for event in encoded(RESPONSES, before):
        answer.feed(event, at=1.0)
    late = encoded(RESPONSES, [behind, behind])
    monkeypatch.setattr(json, "loads", lambda _: pytest.fail("decoded"))
    for event in late:
        answer.feed(event, at=2.0)
        answer.feed(event[:20], at=2.0)
        answer.feed(event[20:] + event, at=2.0)
    assert answer.first_token_at == 1.0


@pytest.mark.parametrize(("wire", "messages", "first_token"), STREAMS, ids=["chat", "responses"])
def test_whole_events_are_passed_over_if_they_are_output_behind_the_first_token(
    wire: WireFormat, messages: list[dict[str, Any]], first_token: int
) -> None:
    answer, events = opened(wire), encoded(wire, messages)
    passed_over: list[bool] = []
    for event in events:
        passed_over.append(answer.passes_over(event))
        answer.feed(event, at=1.0)
    # Text that looks like the end or an error is not passed over: it must be inspected.
    assert passed_over[: first_token + 1] == [False] * (first_token + 1)
    assert True in passed_over[first_token + 1 :]
    assert passed_over[-1] is False


def test_nothing_is_passed_over_in_the_middle_of_an_event() -> None:
    answer, output = opened(CHAT_COMPLETIONS), encoded(RESPONSES, CHAT[1:2])[0]
    answer.feed(output, at=1.0)
    assert answer.passes_over(output)
    answer.feed(output[:20], at=1.0)
    assert not answer.passes_over(output[20:])
    answer.feed(output[20:], at=1.0)
    assert answer.passes_over(output)


def test_nothing_is_passed_over_in_an_encoded_body() -> None:
    answer, output = (
        Answer(Guard(lambda *_: None, strict=True), CHAT_COMPLETIONS),
        encoded(RESPONSES, CHAT[1:2])[0],
    )
    answer.open("gzip")
    answer.feed(gzip.compress(output), at=1.0)
    assert answer.first_token_at == 1.0
    assert not answer.passes_over(output)


def test_an_error_behind_the_first_token_ends_the_stream() -> None:
    answer = opened(CHAT_COMPLETIONS)
    for event in encoded(RESPONSES, [*CHAT[:3], {"error": {"message": "no"}}]):
        answer.feed(event, at=1.0)
    assert answer.is_complete
    assert answer.reply.error_type == "APIError"


@pytest.mark.parametrize("bad", [b"event: ping\ndata: ok\n\n", b"data: OK\n\n", b"data: {\n\n"])
@pytest.mark.parametrize("place", [0, 1])
def test_one_event_that_is_not_json_says_nothing_about_the_others(bad: bytes, place: int) -> None:
    events = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in CHAT]
    answer = Answer(Guard(lambda *_: None), CHAT_COMPLETIONS)
    answer.open("")
    with pytest.raises(ValueError, match=r"Expecting"):
        answer.feed(b"".join([*events[:place], bad, *events[place:]]), 1.0)
    assert answer.usage == TokenUsage(input_tokens=7, output_tokens=5)
