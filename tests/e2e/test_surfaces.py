"""Every surface of the SDK: each call is observed once and correctly, and callers see no difference."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from otel_promptcache import uninstrument
from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.e2e.surfaces import AVAILABLE, Surface, View, comparable

ids = [surface.name for surface in AVAILABLE]


async def view(surface: Surface, simulator: Simulator, *, is_async: bool, **client: Any) -> View:
    """What the caller sees of a second call, for which the cache has something to read."""
    arguments = {"base_url": simulator.base_url, "api_key": "key", "max_retries": 0, **client}
    if is_async:
        async with AsyncOpenAI(**arguments) as aclient:
            await surface.acall(aclient)
            return await surface.acall(aclient)
    with OpenAI(**arguments) as sync_client:
        surface.call(sync_client)
        return surface.call(sync_client)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("surface", AVAILABLE, ids=ids)
async def test_caller_sees_the_same(
    surface: Surface, is_async: bool, simulator: Simulator, telemetry: Telemetry
) -> None:
    without = await view(surface, simulator, is_async=is_async)
    simulator.reset()
    telemetry.instrument()
    assert comparable(await view(surface, simulator, is_async=is_async)) == comparable(without)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("surface", AVAILABLE, ids=ids)
async def test_a_call_is_seen_once_and_right(
    surface: Surface, is_async: bool, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    await view(surface, simulator, is_async=is_async)
    first, second = telemetry.spans
    recorded = simulator.requests[-1]
    attributes = dict(second.attributes or {})
    assert attributes.get("openai.api.type") == surface.api_type
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["server.address"] == "127.0.0.1"
    assert (
        attributes["promptcache.prefix.fingerprint"]
        == (first.attributes or {})["promptcache.prefix.fingerprint"]
    )
    assert second.name == f"{attributes['gen_ai.operation.name']} {attributes['gen_ai.request.model']}"
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.internal.errors") == 0
    assert telemetry.total("promptcache.prefix.variants") == 1
    assert ("gen_ai.request.stream" in attributes) == (surface.is_stream)
    assert ("promptcache.time_to_first_token" in attributes) == surface.is_stream
    if not surface.reports_usage:
        assert attributes["promptcache.result"] == "unknown"
        assert "gen_ai.usage.cache_read.input_tokens" not in attributes
        return
    assert recorded.cache is not None
    usage = recorded.usage
    input_tokens = usage.get("input_tokens", usage.get("prompt_tokens"))
    details = usage.get("input_tokens_details", usage.get("prompt_tokens_details"))
    assert attributes["gen_ai.usage.input_tokens"] == input_tokens
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == details["cached_tokens"]
    assert attributes.get("gen_ai.usage.cache_write.input_tokens") == details.get("cache_write_tokens")
    assert attributes["promptcache.hit_ratio"] == details["cached_tokens"] / input_tokens


@pytest.mark.parametrize("surface", AVAILABLE, ids=ids)
async def test_after_uninstrument_nothing_is_seen(
    surface: Surface, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        kept = client.chat.completions.create
        uninstrument()
        surface.call(client)
        kept(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    assert telemetry.spans == []
    assert telemetry.metrics() == {}
