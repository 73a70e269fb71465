"""What settings add to LiteLLM's requests, and that the caller does not see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from litellm.llms.custom_httpx.http_handler import HTTPHandler

from otel_promptcache.sim import ManualClock, Simulator
from tests.conftest import Telemetry
from tests.litellm.surfaces import OWN, Surface
from tests.litellm.test_surfaces import UNTIMED

BY_NAME = {surface.name: surface for surface in OWN}


def silent(surface: Surface) -> dict[str, Any]:
    """Arguments that keep a stream from reporting its usage."""
    return {"stream_options": None} if "stream_options" in surface.body else {}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ["deepseek stream", "groq stream", "openrouter stream"])
async def test_usage_of_a_stream_is_asked_for_and_hidden(
    name: str, is_async: bool, telemetry: Telemetry
) -> None:
    surface = BY_NAME[name]

    async def outcome() -> tuple[list[Any], list[Any]]:
        with Simulator(UNTIMED, clock=ManualClock()) as simulator:
            url, more = simulator.base_url, silent(surface)
            views = [
                await surface.acall(url, **more) if is_async else surface.call(url, **more) for _ in range(2)
            ]
            return views, [(request.body or {}).get("stream_options") for request in simulator.requests]

    without, asked = await outcome()
    assert asked == [None, None]
    telemetry.instrument(stream_usage=True)
    views, asked = await outcome()
    assert views == without
    assert asked == [{"include_usage": True}] * 2
    results = [(span.attributes or {})["promptcache.result"] for span in telemetry.spans]
    assert results == ["miss", "hit"]


def test_nothing_else_of_a_request_changes(simulator: Simulator, telemetry: Telemetry) -> None:
    surface = BY_NAME["deepseek stream"]
    surface.call(simulator.base_url, **silent(surface))
    telemetry.instrument(stream_usage=True)
    surface.call(simulator.base_url, **silent(surface))
    without, amended = simulator.requests
    assert amended.body == {**(without.body or {}), "stream_options": {"include_usage": True}}
    changed = {
        name
        for name in without.headers | amended.headers
        if without.headers.get(name) != amended.headers.get(name)
    }
    assert changed == {"content-length", "accept-encoding"}


@pytest.mark.parametrize("name", ["anthropic", "responses"])
def test_diagnostics_are_asked_for(name: str, simulator: Simulator, telemetry: Telemetry) -> None:
    surface = BY_NAME[name]
    telemetry.instrument(request_diagnostics=1.0)
    more = {"model": "openai/gpt-5.6-sol"} if name == "responses" else {}
    for _ in range(2):
        surface.call(simulator.base_url, **more)
    asked = str(simulator.requests[-1].body)
    assert "previous_message_id" in asked or "comparison_response_id" in asked


def test_a_body_that_is_signed_or_given_by_its_place_is_sent_as_it_is(telemetry: Telemetry) -> None:
    telemetry.instrument(stream_usage=True)
    body = '{"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
    signed, plain = {"Authorization": "AWS4-HMAC-SHA256 Credential=k"}, {"Authorization": "Bearer key"}
    handler = HTTPHandler()
    with Simulator(replace(UNTIMED, require_api_key=False)) as simulator:
        url = f"{simulator.base_url}/chat/completions"
        handler.post(url, data=body, headers=signed)
        handler.post(url, body, headers=plain)
        handler.post(url, data=body.encode(), headers=plain)
        handler.post(url, data=body, headers=plain)
        handler.close()
        asked = ["stream_options" in (request.body or {}) for request in simulator.requests]
    assert asked == [False, False, False, True]
    assert len(telemetry.spans) == 4
