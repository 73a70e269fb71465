"""Streams of the Messages API: split anywhere, left early, broken off, with usage in different places."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.calls.answer import Answer
from otel_promptcache.core.exchange import AnswerContent
from otel_promptcache.guard import Guard
from otel_promptcache.wire.anthropic.frames import CONTENT_TYPE
from otel_promptcache.wire.anthropic.messages import MESSAGES
from tests.claude.surfaces import client_of
from tests.claude.wire import (
    MODEL,
    PRICES,
    REQUEST,
    USAGE,
    Chunks,
    async_client,
    client,
    events,
    frame,
    message,
    sse,
)
from tests.conftest import Telemetry

EVENTS = events(texts=("Hi", '"type": "error"', "[DONE]", '{"type": "message_stop"}', "\r\n\r\n", "é"))
FIRST_TOKEN = 3
ENCODINGS = {"": sse, CONTENT_TYPE: frame}


def answer_to(chunks: list[bytes], content_type: str = "") -> tuple[AnswerContent, Answer]:
    answer = Answer(Guard(lambda *_: None, strict=True), MESSAGES)
    answer.open("", content_type)
    for index, chunk in enumerate(chunks):
        if not answer.passes_over(chunk):
            answer.feed(chunk, float(index))
    return answer.content(), answer


@pytest.mark.parametrize("content_type", ENCODINGS)
@given(data=st.data())
def test_the_same_is_seen_however_the_stream_is_cut(content_type: str, data: st.DataObject) -> None:
    whole = list(map(ENCODINGS[content_type], EVENTS))
    stream = b"".join(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected, seen = answer_to(whole, content_type)
    content, answer = answer_to(chunks, content_type)
    assert content == expected
    assert answer.is_complete
    assert (seen.first_chunk_at, seen.first_token_at) == (0.0, float(FIRST_TOKEN))
    assert content.usage is not None
    assert (content.usage.input_tokens, content.usage.output_tokens) == (1_321, 7)


@given(st.integers(0, len(EVENTS)), st.binary(max_size=60))
def test_a_stream_that_goes_wrong_says_what_it_said_before(whole: int, junk: bytes) -> None:
    answer = Answer(Guard(lambda *_: None, strict=False), MESSAGES)
    answer.open("")
    answer.feed(b"".join(map(sse, EVENTS[:whole])), 0.0)
    before = answer.usage
    with contextlib.suppress(ValueError, RecursionError):
        answer.feed(b"data: " + junk.replace(b"\n", b"").replace(b"\r", b"") + b"\n\n", 1.0)
    assert answer.usage == before


class TestUsage:
    @pytest.mark.parametrize(
        "end",
        [
            {"output_tokens": 7},
            {"output_tokens": 7, "input_tokens": None, "cache_read_input_tokens": None},
            {
                "output_tokens": 7,
                "input_tokens": 21,
                "cache_read_input_tokens": 1_000,
                "cache_creation_input_tokens": 300,
            },
        ],
    )
    def test_what_the_end_leaves_out_stays_and_what_it_repeats_is_not_added(
        self, end: dict[str, Any], telemetry: Telemetry
    ) -> None:
        telemetry.instrument(prices=PRICES)
        list(client(lambda *_: events(end=end)).messages.create(**REQUEST, stream=True))
        assert telemetry.span["gen_ai.usage.input_tokens"] == 1_321
        assert telemetry.span["gen_ai.usage.output_tokens"] == 7
        assert telemetry.span["promptcache.result"] == "hit"
        # per million: 21 at $5, 1,000 at $0.50, 300 for an hour at $10
        assert telemetry.total("promptcache.input_cost") == pytest.approx(3_605e-6)

    def test_it_may_be_at_the_end_only(self, telemetry: Telemetry) -> None:
        """As DashScope's endpoint reports it."""
        start = {"input_tokens": 21, "output_tokens": 1}
        end = {"output_tokens": 7, "cache_read_input_tokens": 1_000, "cache_creation_input_tokens": 0}
        telemetry.instrument(prices=PRICES)
        list(client(lambda *_: events(start=start, end=end)).messages.create(**REQUEST, stream=True))
        assert telemetry.span["gen_ai.usage.input_tokens"] == 1_021
        assert telemetry.span["promptcache.result"] == "hit"

    def test_a_later_message_may_report_more(self, telemetry: Telemetry) -> None:
        """A loop of server tools reads the prefix again in each turn."""
        end = {**USAGE, "cache_read_input_tokens": 3_000, "output_tokens": 9}
        telemetry.instrument(prices=PRICES)
        list(client(lambda *_: events(end=end)).messages.create(**REQUEST, stream=True))
        assert telemetry.span["gen_ai.usage.cache_read.input_tokens"] == 3_000
        assert telemetry.total("promptcache.tokens", promptcache__token__state="read") == 3_000

    def test_a_compaction_is_billed_beside_the_rest(self, telemetry: Telemetry) -> None:
        compaction = {
            "type": "compaction",
            "input_tokens": 1_000,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "output_tokens": 9,
        }
        telemetry.instrument(prices=PRICES)
        usage = {"output_tokens": 7, "iterations": [compaction, {"type": "message", **USAGE}]}
        list(client(lambda *_: events(end=usage)).messages.create(**REQUEST, stream=True))
        assert telemetry.span["gen_ai.usage.input_tokens"] == 1_321
        assert telemetry.total("promptcache.input_cost") == pytest.approx(3_605e-6 + 1_000 * 5e-6)


class TestEarlyVerdict:
    """The start of a stream says how the cache fared, and the span says it from then on."""

    def streamed(self, telemetry: Telemetry, *, is_native: bool) -> tuple[Any, Chunks]:
        chunks = Chunks([sse(event) for event in EVENTS])
        settings: dict[str, Any] = (
            {"open_telemetry": {"tracer_provider": telemetry.tracer_provider}} if is_native else {}
        )
        telemetry.instrument(prices=PRICES)
        return client(lambda *_: chunks, **settings).messages.create(**REQUEST, stream=True), chunks

    def test_an_application_may_leave_after_the_first_event(self, telemetry: Telemetry) -> None:
        stream, chunks = self.streamed(telemetry, is_native=False)
        next(iter(stream))
        stream.close()
        assert chunks.taken == 1
        span = telemetry.span
        assert span["promptcache.result"] == "hit"
        assert span["promptcache.abandoned"] is True
        assert "gen_ai.usage.output_tokens" not in span
        assert telemetry.total("promptcache.requests", promptcache__result="hit") == 1

    @pytest.mark.skipif(
        not hasattr(anthropic.Anthropic, "_gen_ai_provider_name"), reason="no spans of its own yet"
    )
    def test_so_does_the_span_of_the_sdk_itself(self, telemetry: Telemetry) -> None:
        stream, _ = self.streamed(telemetry, is_native=True)
        next(iter(stream))
        stream.close()
        assert telemetry.span["promptcache.result"] == "hit"
        assert telemetry.span["promptcache.savings.amount"] == pytest.approx(1_000 * 4.5e-6 - 300 * 5e-6)

    async def test_asynchronously(self, telemetry: Telemetry) -> None:
        telemetry.instrument(prices=PRICES)
        stream: Any = await async_client(lambda *_: EVENTS).messages.create(**REQUEST, stream=True)
        await anext(aiter(stream))
        await stream.close()
        assert telemetry.span["promptcache.result"] == "hit"

    def test_the_call_is_counted_once(self, telemetry: Telemetry) -> None:
        stream, _ = self.streamed(telemetry, is_native=False)
        list(stream)
        assert telemetry.total("promptcache.requests") == 1
        assert telemetry.total("promptcache.tokens") == 1_321
        assert telemetry.span["gen_ai.usage.output_tokens"] == 7


class TestErrors:
    ERROR: dict[str, Any] = {"type": "error", "error": {"type": "overloaded_error", "message": "SECRET"}}  # noqa: RUF012

    def test_an_error_in_mid_stream_ends_the_call(self, telemetry: Telemetry) -> None:
        telemetry.instrument(prices=PRICES)
        with pytest.raises(anthropic.APIStatusError):
            list(client(lambda *_: [*EVENTS[:4], self.ERROR]).messages.create(**REQUEST, stream=True))
        assert telemetry.span["error.type"] == "overloaded_error"
        assert telemetry.span["promptcache.result"] == "hit"
        assert "SECRET" not in json.dumps(telemetry.span)

    def test_an_error_instead_of_an_answer(self, telemetry: Telemetry) -> None:
        telemetry.instrument(prices=PRICES)
        with pytest.raises(anthropic.APIStatusError):
            client(lambda *_: self.ERROR).messages.create(**REQUEST)
        assert telemetry.span["promptcache.result"] == "unknown"
        assert telemetry.total("promptcache.requests") == 1
        assert telemetry.total("promptcache.unpriced") == 0

    def test_a_retry_is_one_call(self, telemetry: Telemetry) -> None:
        replies = iter([self.ERROR, message()])
        telemetry.instrument(prices=PRICES)
        client(lambda *_: next(replies), max_retries=1).messages.create(
            **REQUEST, extra_headers={"x-stainless-retry": "0"}
        )
        assert telemetry.total("promptcache.requests") == 1
        assert telemetry.span["promptcache.result"] == "hit"

    def test_a_malformed_frame_does_no_harm(self, telemetry: Telemetry) -> None:
        chunks = [frame(EVENTS[0]), b"\0" * 40, *map(frame, EVENTS[1:])]
        with client_of("bedrock", is_async=False, reply=lambda *_: Chunks(chunks)) as bedrock:
            telemetry.instrument(prices=PRICES)
            with bedrock.messages.with_streaming_response.create(**REQUEST, stream=True) as raw:
                assert b"".join(raw.iter_bytes()) == b"".join(chunks)
        assert telemetry.span["promptcache.result"] == "hit"
        assert telemetry.total("promptcache.internal.errors", error__type="MalformedFrameError") == 1


def test_the_model_that_answers_is_named(telemetry: Telemetry) -> None:
    telemetry.instrument(prices=PRICES)
    client(lambda *_: message(model="claude-haiku-4-5")).messages.create(**REQUEST)
    assert telemetry.span["gen_ai.request.model"] == MODEL
    assert telemetry.span["gen_ai.response.model"] == "claude-haiku-4-5"
