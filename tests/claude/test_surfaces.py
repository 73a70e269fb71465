"""What the caller of each surface sees with and without us, and what we report about it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.claude.surfaces import PROVIDERS, SURFACES, Surface, View, client_of
from tests.claude.wire import MODEL, REQUEST, client, http
from tests.conftest import Telemetry
from tests.garbage import Left, left_because_of_us, left_to_the_collector, nothing


async def run(surface: Surface, *, is_async: bool) -> View:
    client = client_of(surface.platform, is_async=is_async)
    if is_async:
        async with client:
            return await surface.acall(client)
    with client:
        return surface.call(client)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
async def test_the_caller_sees_the_same_and_we_say_how_it_fared(
    surface: Surface, is_async: bool, telemetry: Telemetry
) -> None:
    expected = await run(surface, is_async=is_async)
    telemetry.instrument(semconv="released")
    assert repr(await run(surface, is_async=is_async)) == repr(expected)

    if not surface.is_inference:
        assert telemetry.spans == []
        assert telemetry.total("promptcache.requests") == 0
        return
    span = telemetry.span
    said: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS[surface.platform],
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "msg_01",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 1_321,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 1_000,
        "gen_ai.usage.cache_write.input_tokens": 300,
        "promptcache.result": "hit",
    }
    assert {name: span.get(name) for name in said} == said
    assert span["promptcache.hit_ratio"] == pytest.approx(1_000 / 1_321)
    assert (span.get("gen_ai.request.stream") is True) == surface.is_stream
    assert ("promptcache.time_to_first_token" in span) == surface.is_stream
    assert "openai.response.service_tier" not in span
    assert telemetry.total("promptcache.requests", promptcache__result="hit") == 1
    assert telemetry.total("promptcache.tokens", promptcache__token__state="read") == 1_000
    assert telemetry.total("gen_ai.client.token.usage", gen_ai__token__type="input") == 1_321


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_nothing_more_is_left_to_the_garbage_collector(telemetry: Telemetry, is_async: bool) -> None:
    def left_by_all() -> Left:
        return left_to_the_collector(
            [lambda surface=surface: asyncio.run(run(surface, is_async=is_async)) for surface in SURFACES]
        )

    left_by_all()  # what is imported and cached at first
    expected = left_by_all()
    telemetry.instrument()
    left_by_all()
    assert left_because_of_us(left_by_all(), expected) == nothing(SURFACES)


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.anthropic.com", "v1/messages"),
        ("https://api.anthropic.com", "/v1/messages"),
        ("https://gateway.example/v1", "/messages"),
        ("https://gateway.example/v1/", "messages"),
        ("https://api.anthropic.com", http.URL("/v1/messages")),
    ],
)
def test_an_inference_is_known_by_the_path_that_is_sent(
    base_url: str, path: Any, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    client(base_url=base_url).post(path, cast_to=http.Response, body=REQUEST)
    assert telemetry.span["gen_ai.usage.input_tokens"] == 1_321
    client(base_url=base_url).post(f"{path}/count_tokens", cast_to=http.Response, body=REQUEST)
    assert len(telemetry.spans) == 1
