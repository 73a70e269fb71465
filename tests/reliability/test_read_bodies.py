"""Streams whose body is read before the SDK parses it: by a hook, or because it is held in memory."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from openai import OpenAI

from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry
from tests.e2e.surfaces import CHAT


def read_by_a_hook() -> httpx2.Client:
    return httpx2.Client(event_hooks={"response": [lambda response: response.read()]})


def held_in_memory() -> httpx2.Client:
    def handle(request: httpx2.Request) -> httpx2.Response:
        with httpx2.Client() as client:
            answer = client.post(
                request.url,
                content=request.content,
                headers={"Authorization": request.headers["authorization"]},
            )
        return httpx2.Response(200, content=answer.content, headers={"content-type": "text/event-stream"})

    return httpx2.Client(transport=httpx2.MockTransport(handle))


@pytest.mark.parametrize("make", [read_by_a_hook, held_in_memory])
def test_stream_usage_hides_its_event_from_a_body_that_is_read_before_it_is_parsed(
    make: Callable[[], httpx2.Client], simulator: Simulator, telemetry: Telemetry
) -> None:
    def ask() -> list[int]:
        with OpenAI(base_url=simulator.base_url, api_key="key", http_client=make()) as client:
            return [len(each.choices) for each in client.chat.completions.create(**CHAT, stream=True)]

    plain = ask()
    telemetry.instrument(stream_usage=True)
    assert ask() == plain
    assert plain
    assert 0 not in plain
    assert telemetry.total("promptcache.tokens") > 0
