"""Every surface of LiteLLM: observed once, as through the SDK of the API that it speaks, unnoticed by the caller."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.sim import ManualClock, SimConfig, Simulator
from otel_promptcache.sim.http.recording import RecordedRequest
from tests.conftest import Telemetry
from tests.litellm.surfaces import IDS, OWN, OWN_IDS, SURFACES, Surface

both_ways = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
UNTIMED = SimConfig(
    prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0, overflow_requests_per_minute=None
)
VARYING = {
    "gen_ai.response.id",
    "gen_ai.response.time_to_first_chunk",
    "promptcache.time_to_first_token",
}
DURATIONS = {"gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk"}


async def view(surface: Surface, url: str, *, is_async: bool) -> list[Any]:
    """What the caller sees of two calls, of which the second finds something in the cache."""
    if is_async:
        return [await surface.acall(url), await surface.acall(url)]
    return [surface.call(url), surface.call(url)]


@both_ways
@pytest.mark.parametrize("surface", SURFACES, ids=IDS)
async def test_caller_sees_the_same(surface: Surface, is_async: bool, telemetry: Telemetry) -> None:
    async def outcome() -> list[Any]:
        with Simulator(
            UNTIMED, clock=ManualClock()
        ) as simulator:  # whose answers depend on how many it has given
            return await view(surface, simulator.base_url, is_async=is_async)

    without = await outcome()
    telemetry.instrument()
    assert await outcome() == without
    assert len(telemetry.spans) == 2


@both_ways
@pytest.mark.parametrize("surface", SURFACES, ids=IDS)
async def test_a_call_is_seen_once(
    surface: Surface, is_async: bool, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    await view(surface, simulator.base_url, is_async=is_async)
    assert [request.path for request in simulator.requests] == [surface.path] * 2
    assert len(telemetry.spans) == 2
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.internal.errors") == 0


def replay(surface: Surface, recorded: RecordedRequest, url: str) -> None:
    """Send the same request with the API's own SDK."""
    sdk: Any = openai if surface.native == "openai" else anthropic
    client = (
        openai.OpenAI(base_url=url, api_key="key")
        if surface.native == "openai"
        else anthropic.Anthropic(base_url=surface.base(url), api_key="key")
    )
    path = recorded.path if surface.native == "anthropic" else recorded.path.removeprefix("/v1")
    with client:
        if surface.is_stream:
            stream = client.post(
                path, cast_to=object, body=recorded.body, stream=True, stream_cls=sdk.Stream[object]
            )
            for _ in stream:
                pass
        else:
            client.post(path, cast_to=object, body=recorded.body)


def told(telemetry: Telemetry) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What is reported about the calls, except for what differs each time."""
    spans = [
        {"name": span.name}
        | {name: value for name, value in (span.attributes or {}).items() if name not in VARYING}
        for span in telemetry.spans
    ]
    return spans, {
        name: telemetry.total(name) for name in telemetry.metrics() if name not in VARYING | DURATIONS
    }


@both_ways
@pytest.mark.parametrize("surface", OWN, ids=OWN_IDS)
async def test_the_same_is_told_as_through_the_native_sdk(
    surface: Surface, is_async: bool, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    await view(surface, simulator.base_url, is_async=is_async)
    through_litellm, requests = told(telemetry), list(simulator.requests)
    PromptCacheInstrumentor().uninstrument()
    simulator.reset()

    native = Telemetry()
    native.instrument()
    for request in requests:
        replay(surface, request, simulator.base_url)
    assert through_litellm == told(native)
    first, second = through_litellm[0]
    assert [first["promptcache.result"], second["promptcache.result"]] == ["miss", "hit"]
    assert second["gen_ai.usage.cache_read.input_tokens"] >= 1_700
