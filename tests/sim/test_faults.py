"""Each fault, as a real client sees it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import (
    APIConnectionError,
    APIError,
    AsyncOpenAI,
    BadRequestError,
    InternalServerError,
    OpenAI,
    RateLimitError,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from otel_promptcache.sim import FAULT_HEADER, FAULTS, FaultRule, SimConfig, Simulator, filler_text

LONG = filler_text(4000)
MESSAGES: Any = [{"role": "user", "content": LONG}]
OLD, NEW = "gpt-4o", "gpt-5.6-sol"


def having(*faults: str) -> dict[str, str]:
    return {FAULT_HEADER: ",".join(faults)}


def chat(client: OpenAI, *faults: str, model: str = OLD) -> ChatCompletion:
    return client.chat.completions.create(model=model, messages=MESSAGES, extra_headers=having(*faults))


def chat_stream(client: OpenAI, *faults: str) -> Iterator[ChatCompletionChunk]:
    with client.chat.completions.create(
        model=OLD,
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=having(*faults),
    ) as stream:
        yield from stream


def respond(client: OpenAI, *faults: str) -> Response:
    return client.responses.create(model=NEW, input=LONG, extra_headers=having(*faults))


def respond_stream(client: OpenAI, *faults: str) -> Iterator[ResponseStreamEvent]:
    with client.responses.create(model=NEW, input=LONG, stream=True, extra_headers=having(*faults)) as stream:
        yield from stream


STREAMS = [chat_stream, respond_stream]


def received(stream: Iterator[Any], error: type[Exception] | None = None) -> list[Any]:
    """What was received of a stream before it ended, or failed with that error."""
    seen: list[Any] = []
    if error is None:
        return list(stream)
    with pytest.raises(error):
        for one in stream:
            seen.append(one)  # noqa: PERF402  # what came before the error is the point
    return seen


def is_delta(one: Any) -> bool:
    if isinstance(one, ChatCompletionChunk):
        return any(choice.delta.content for choice in one.choices)
    return one.type == "response.output_text.delta"


def cached_tokens(completion: ChatCompletion) -> int | None:
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    return completion.usage.prompt_tokens_details.cached_tokens


def test_an_unknown_fault_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="unknown fault 'flood'"):
        chat(client, "flood")


def test_an_unexplained_miss(client: OpenAI) -> None:
    assert [cached_tokens(chat(client, *faults)) for faults in ((), ("miss",), ())] == [0, 0, 3968]


def test_an_eviction(client: OpenAI) -> None:
    assert [cached_tokens(chat(client, *faults)) for faults in ((), (), ("evict",), ())] == [0, 3968, 0, 3968]


@pytest.mark.parametrize(("fault", "status"), [("rate_limit_once", 429), ("server_error_once", 500)])
def test_a_failure_that_a_retry_overcomes(sim: Simulator, fault: str, status: int) -> None:
    with OpenAI(base_url=sim.base_url, api_key="key", max_retries=2) as client:
        assert cached_tokens(chat(client, fault)) == 0
    assert [request.status_code for request in sim.requests] == [status, 200]
    assert [request.cache is None for request in sim.requests] == [True, False]


@pytest.mark.parametrize(
    ("fault", "error"), [("rate_limit", RateLimitError), ("server_error", InternalServerError)]
)
def test_a_failure_that_stays(sim: Simulator, fault: str, error: type[APIError]) -> None:
    with OpenAI(base_url=sim.base_url, api_key="key", max_retries=2) as client, pytest.raises(error):
        chat(client, fault)
    assert len(sim.requests) == 3


def test_failures_say_when_to_come_back(client: OpenAI) -> None:
    with pytest.raises(RateLimitError) as caught:
        chat(client, "rate_limit")
    assert caught.value.response.headers["retry-after-ms"] == "5"
    assert caught.value.code == "rate_limit_exceeded"


def test_slow_is_only_slow(client: OpenAI) -> None:
    assert chat(client, "slow").choices == chat(client).choices


def test_a_dropped_connection(client: OpenAI, sim: Simulator) -> None:
    with pytest.raises(APIConnectionError):
        chat(client, "drop_mid_stream")
    with pytest.raises(APIConnectionError):
        respond(client, "drop_mid_stream")
    assert not any(request.completed for request in sim.requests)
    assert chat(client).usage is not None


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("fault", ["drop_mid_stream", "truncated_stream", "garbage", "error_event"])
def test_a_stream_breaks_after_two_pieces(client: OpenAI, sim: Simulator, stream: Any, fault: str) -> None:
    errors = {"drop_mid_stream": APIConnectionError, "garbage": ValueError, "error_event": APIError}
    error = None if stream is respond_stream and fault == "error_event" else errors.get(fault)
    seen = received(stream(client, fault), error)
    assert sum(map(is_delta, seen)) == 2
    assert sim.requests[-1].usage is None
    last = seen[-1]
    if stream is respond_stream and fault == "error_event":
        assert (last.type, last.code, last.sequence_number) == ("error", "server_error", len(seen) - 1)
    else:
        assert is_delta(last)


async def test_a_stream_breaks_for_the_async_client_too(async_client: AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(
        model=OLD, messages=MESSAGES, stream=True, extra_headers=having("drop_mid_stream")
    )
    with pytest.raises(APIConnectionError):
        async for _ in stream:
            pass


def test_a_dropped_stream_has_written_the_cache(client: OpenAI) -> None:
    received(chat_stream(client, "drop_mid_stream"), APIConnectionError)
    assert cached_tokens(chat(client)) == 3968


def test_garbage(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=OLD, messages=MESSAGES, extra_headers=having("garbage")
    )
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the decoder makes of it
        json.loads(raw.content)


def test_an_error_instead_of_an_answer(client: OpenAI) -> None:
    for ask in (chat, respond):
        with pytest.raises(InternalServerError):
            ask(client, "error_event")


def test_incomplete(client: OpenAI) -> None:
    completion = chat(client, "incomplete")
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 8
    response = respond(client, "incomplete")
    assert response.status == "incomplete"
    assert response.usage is not None
    *_, last = respond_stream(client, "incomplete")
    assert last.type == "response.incomplete"
    assert last.response.usage is not None


def test_incomplete_tool_calls(client: OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    completion = client.chat.completions.create(
        model=OLD, messages=MESSAGES, tools=tools, tool_choice="required", extra_headers=having("incomplete")
    )
    assert completion.choices[0].finish_reason == "length"


def test_failed(client: OpenAI) -> None:
    response = respond(client, "failed")
    assert (response.status, response.output) == ("failed", [])
    assert response.error is not None
    assert response.error.code == "server_error"
    assert response.usage is not None
    *events, last = respond_stream(client, "failed")
    assert last.type == "response.failed"
    assert last.response.usage is not None
    assert sum(map(is_delta, events)) == 8
    with pytest.raises(InternalServerError):
        chat(client, "failed")
    assert sum(map(is_delta, received(chat_stream(client, "failed"), APIError))) == 16


def test_gzip(client: OpenAI, sim: Simulator) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=OLD, messages=MESSAGES, extra_headers=having("gzip")
    )
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.parse().choices == chat(client).choices
    plain, zipped = received(chat_stream(client)), received(chat_stream(client, "gzip"))
    assert [chunk.choices for chunk in plain] == [chunk.choices for chunk in zipped]
    body = {"model": OLD, "messages": MESSAGES, "stream": True}
    headers = {**having("gzip"), "authorization": "Bearer key"}
    with httpx2.stream("POST", f"{sim.base_url}/chat/completions", json=body, headers=headers) as answer:
        content = b"".join(answer.iter_raw())
    assert gzip.decompress(content).endswith(b"data: [DONE]\n\n")


def test_choices_null(client: OpenAI) -> None:
    assert chat(client, "choices_null").choices is None
    chunks = received(chat_stream(client, "choices_null"))
    assert sum(chunk.choices is None for chunk in chunks) == 1
    assert respond(client, "choices_null").output is None
    *_, last = respond_stream(client, "choices_null")
    assert last.type == "response.completed"
    assert last.response.output is None


def test_usage_text(client: OpenAI, sim: Simulator) -> None:
    assert chat(client, "usage_text").usage == "n/a"
    assert respond(client, "usage_text").usage == "n/a"
    assert sim.requests[-1].usage == "n/a"


def test_usage_negative(client: OpenAI) -> None:
    usage = chat(client, "usage_negative").usage
    assert usage is not None
    assert usage.prompt_tokens < 0
    assert usage.completion_tokens < 0


def test_more_cached_than_input(client: OpenAI) -> None:
    completion = chat(client, "usage_cached_exceeds_input")
    assert completion.usage is not None
    assert (cached_tokens(completion) or 0) > completion.usage.prompt_tokens
    usage = respond(client, "usage_cached_exceeds_input").usage
    assert usage is not None
    assert usage.input_tokens_details.cached_tokens > usage.input_tokens


def test_usage_missing(client: OpenAI, sim: Simulator) -> None:
    assert chat(client, "usage_missing").usage is None
    assert respond(client, "usage_missing").usage is None
    assert sim.requests[-1].cache is not None


def test_tier_downgrade(client: OpenAI) -> None:
    response = client.responses.create(
        model=NEW, input=LONG, service_tier="priority", extra_headers=having("tier_downgrade")
    )
    assert response.service_tier == "default"


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("path", ["completions", "embeddings", "models", "responses/compact"])
def test_the_server_survives_every_fault_everywhere(
    client: OpenAI, sim: Simulator, path: str, fault: str
) -> None:
    headers = {**having(fault), "authorization": "Bearer key"}
    body = {
        "model": NEW,
        "prompt" if path == "completions" else "input": "hi",
        "stream": path == "completions",
    }
    method = "GET" if path == "models" else "POST"
    try:
        with httpx2.stream(method, f"{sim.base_url}/{path}", json=body, headers=headers) as answer:
            answer.read()
    except httpx2.RemoteProtocolError:
        assert fault == "drop_mid_stream"
    expected = {"rate_limit": 429, "rate_limit_once": 429, "server_error": 500, "server_error_once": 500}
    assert sim.requests[-1].status_code == expected.get(fault, 200)
    assert chat(client).usage is not None


def test_injected_faults_befall_the_next_requests_in_turn(client: OpenAI, sim: Simulator) -> None:
    sim.inject("usage_text")
    sim.inject("usage_missing", "incomplete")
    assert chat(client).usage == "n/a"
    both = chat(client)
    assert (both.usage, both.choices[0].finish_reason) == (None, "length")
    assert cached_tokens(chat(client)) == 3968
    with pytest.raises(ValueError, match="unknown fault"):
        sim.inject("flood")  # pyright: ignore[reportArgumentType]


def test_configured_faults_befall_a_share_of_all_requests() -> None:
    config = SimConfig(faults=(FaultRule("server_error", 0.5),), seed=3, decode_seconds_per_token=0)
    with (
        Simulator(config) as simulator,
        OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client,
    ):
        for _ in range(40):
            try:
                client.responses.create(model=OLD, input="hi")
            except InternalServerError:
                continue
        failed = sum(request.status_code == 500 for request in simulator.requests)
    assert 8 < failed < 32
