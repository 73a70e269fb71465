"""Streams: when the first token arrives, who ends them, and what is requested on the application's behalf."""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

import otel_promptcache
from otel_promptcache.sim import SimConfig, Simulator
from tests.conftest import Telemetry
from tests.e2e.surfaces import CHAT, RESPONSES, WITH_USAGE, comparable, seen

STREAM: dict[str, Any] = {**CHAT, **WITH_USAGE}


@pytest.fixture
def client(simulator: Simulator):  # noqa: ANN201
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_time_to_first_token_is_not_that_of_the_first_event(api: str, telemetry: Telemetry) -> None:
    prefill_seconds = 0.3
    config = SimConfig(prefill_seconds_per_1k_tokens=prefill_seconds, decode_seconds_per_token=0)
    telemetry.instrument()
    with Simulator(config) as simulator, OpenAI(base_url=simulator.base_url, api_key="key") as client:
        if api == "chat":
            list(client.chat.completions.create(**STREAM))
        else:
            list(client.responses.create(**RESPONSES, stream=True))
    attributes = telemetry.span
    # The role-only chunk and `response.created` come immediately; text needs over 1,000 tokens to be processed.
    assert attributes["promptcache.time_to_first_token"] >= prefill_seconds
    assert attributes["gen_ai.response.time_to_first_chunk"] < attributes["promptcache.time_to_first_token"]
    assert telemetry.total("promptcache.time_to_first_token") == attributes["promptcache.time_to_first_token"]


@pytest.mark.parametrize(("histograms", "is_by_template"), [("buckets", False), ("exponential", True)])
def test_an_exponential_histogram_tells_the_time_to_first_token_of_each_template(
    simulator: Simulator, telemetry: Telemetry, histograms: str, *, is_by_template: bool
) -> None:
    telemetry.instrument(histograms=histograms)
    with OpenAI(base_url=simulator.base_url, api_key="key") as client, otel_promptcache.prefix("bot"):
        list(client.responses.create(model="gpt-5.6", input="Hi", stream=True))
    (labels,) = telemetry.metrics()["promptcache.time_to_first_token"]
    assert ("promptcache.prefix.name" in dict(labels)) is is_by_template
    assert dict(labels)["promptcache.result"] == "ineligible"


def test_a_request_that_is_not_streamed_has_no_time_to_first_token(
    client: OpenAI, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    client.chat.completions.create(**CHAT)
    assert "promptcache.time_to_first_token" not in telemetry.span
    assert "promptcache.time_to_first_token" not in telemetry.metrics()


def test_usage_that_was_not_asked_for_is_explained_once(
    client: OpenAI, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.instrument()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            list(client.chat.completions.create(**CHAT, stream=True))
    (message,) = caplog.messages
    assert "stream_options={'include_usage': True}" in message
    assert telemetry.total("promptcache.requests", promptcache__result="unknown") == 2
    assert telemetry.total("promptcache.unpriced") == 2
    assert "promptcache.tokens" not in telemetry.metrics()


@pytest.mark.parametrize("body", [{}, {"n": 2}, {"stream_options": {"include_obfuscation": False}}])
async def test_stream_usage_asks_for_it_and_hides_only_its_event(
    body: dict[str, Any], simulator: Simulator, telemetry: Telemetry
) -> None:
    request = {**CHAT, "stream": True, **body}

    async def run() -> list[Any]:
        simulator.reset()
        with OpenAI(base_url=simulator.base_url, api_key="key") as client:
            values = [seen(chunk) for chunk in client.chat.completions.create(**request)]
        async with AsyncOpenAI(base_url=simulator.base_url, api_key="key") as aclient:
            values += [seen(chunk) async for chunk in await aclient.chat.completions.create(**request)]
        return values

    def without_usage_member(values: list[Any]) -> str:
        # If usage is requested, the provider sends `"usage": null` with each chunk.
        return comparable([{k: v for k, v in chunk.items() if k != "usage"} for _, chunk in values])

    plain = await run()
    telemetry.instrument(stream_usage=True)
    assert without_usage_member(await run()) == without_usage_member(plain)
    sent = simulator.requests[-1].body or {}
    assert sent["stream_options"] == {**body.get("stream_options", {}), "include_usage": True}
    assert telemetry.total("promptcache.requests", promptcache__result="unknown") == 0
    assert telemetry.total("promptcache.tokens") > 0
    assert "stream_options" not in request or request["stream_options"] == body["stream_options"]


@pytest.mark.parametrize("choice", [True, False])
def test_stream_usage_leaves_the_applications_own_choice_alone(
    choice: bool, client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(stream_usage=True)
    chunks = list(
        client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": choice})
    )
    assert (chunks[-1].usage is not None) == choice
    assert (simulator.requests[-1].body or {})["stream_options"] == {"include_usage": choice}


def test_stream_usage_changes_nothing_else(
    client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(stream_usage=True)
    client.chat.completions.create(**CHAT)
    list(client.responses.create(**RESPONSES, stream=True))
    assert all("stream_options" not in (request.body or {}) for request in simulator.requests)


def test_a_stream_that_is_broken_off_ends_once(client: OpenAI, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client.chat.completions.create(**STREAM) as stream:
        for _ in stream:
            break
    assert telemetry.span["promptcache.result"] == "unknown"
    assert "error.type" not in telemetry.span
    assert telemetry.total("promptcache.requests") == 1


def test_a_stream_that_is_dropped_ends_once(client: OpenAI, telemetry: Telemetry) -> None:
    telemetry.instrument()
    unread = client.chat.completions.create(**STREAM)
    begun = client.chat.completions.create(**STREAM)
    next(iter(begun))
    unread.close()
    del unread, begun
    gc.collect()
    assert telemetry.total("promptcache.requests", promptcache__result="unknown") == 2
    assert len(telemetry.spans) == 2


async def test_an_async_stream_that_is_broken_off_ends_once(
    simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    async with (
        AsyncOpenAI(base_url=simulator.base_url, api_key="key") as client,
        await client.chat.completions.create(**STREAM) as stream,
    ):
        async for _ in stream:
            break
    assert telemetry.span["promptcache.result"] == "unknown"
    assert telemetry.total("promptcache.requests") == 1


async def test_cancellation_is_no_error(telemetry: Telemetry) -> None:
    telemetry.instrument()
    config = SimConfig(prefill_seconds_per_1k_tokens=60)
    with Simulator(config) as simulator:
        async with AsyncOpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
            in_request = asyncio.ensure_future(client.chat.completions.create(**CHAT))

            async def read() -> None:
                async for _ in await client.chat.completions.create(**STREAM):
                    first_event.set()

            first_event = asyncio.Event()
            in_stream = asyncio.ensure_future(read())
            await first_event.wait()
            while len(simulator.requests) < 2:  # noqa: ASYNC110  # another thread's list
                await asyncio.sleep(0.01)
            for task in (in_request, in_stream):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.requests", error__type="CancelledError") == 0
    assert [dict(span.attributes or {})["promptcache.abandoned"] for span in telemetry.spans] == [True, True]


def test_a_stream_may_be_read_in_another_thread(client: OpenAI, telemetry: Telemetry) -> None:
    telemetry.instrument()
    stream = client.chat.completions.create(**STREAM)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: len(list(stream))).result() > 2
    assert telemetry.span["promptcache.result"] == "miss"


def test_a_streaming_response_that_is_never_read_ends(client: OpenAI, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        assert response.status_code == 200
    assert telemetry.span["promptcache.result"] == "unknown"
    assert telemetry.total("promptcache.requests") == 1
