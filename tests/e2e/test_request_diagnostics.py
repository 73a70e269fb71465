"""Asking the provider for the reason: only if a setting allows it and it can answer, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from otel_promptcache.sim import Simulator, filler_text
from tests.conftest import Telemetry

RULES = filler_text(1_500)
TOOL = {"type": "function", "name": "search", "parameters": {"type": "object"}, "strict": False}


@pytest.fixture
def client(simulator: Simulator) -> Iterator[OpenAI]:
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        yield client


def ask(client: OpenAI, **changes: Any) -> Any:
    request = {"model": "gpt-5.6-sol", "input": [{"role": "user", "content": RULES}], **changes}
    return client.responses.create(**request)


def test_the_provider_is_asked_about_the_best_earlier_response_and_its_word_wins(
    client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    first = ask(client)
    ask(client, tools=[TOOL])
    assert "prompt_cache_options" not in (simulator.requests[0].body or {})
    sent = simulator.requests[1].body or {}
    assert sent.pop("prompt_cache_options") == {"comparison_response_id": first.id}
    assert sent == {"model": "gpt-5.6-sol", "input": [{"role": "user", "content": RULES}], "tools": [TOOL]}
    attributes = dict(telemetry.spans[1].attributes or {})
    assert attributes["promptcache.miss.reason"] == "tools_changed"
    assert attributes["promptcache.miss.source"] == "provider"
    assert attributes["promptcache.miss.tokens"] > 1_000
    assert telemetry.total("promptcache.misses", promptcache__miss__source="provider") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_is_read_from_streams_too(stream: bool, client: OpenAI, telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    ask(client)
    list(ask(client, reasoning={"effort": "high"}, stream=stream))
    assert dict(telemetry.spans[1].attributes or {})["promptcache.miss.source"] == "provider"


def test_the_applications_own_options_stay(
    client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    options = {"mode": "implicit", "ttl": "12h"}
    first = ask(client, extra_body={"prompt_cache_options": options})
    ask(client, extra_body={"prompt_cache_options": options})
    own = {"comparison_response_id": "resp_own"}
    ask(client, extra_body={"prompt_cache_options": own})
    sent = [(request.body or {})["prompt_cache_options"] for request in simulator.requests]
    assert sent == [options, {**options, "comparison_response_id": first.id}, own]
    assert options == {"mode": "implicit", "ttl": "12h"}


@pytest.mark.parametrize("share", [None, 0.0])
def test_nothing_is_added_unless_it_is_allowed(
    share: float | None, client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(request_diagnostics=share)
    for _ in range(2):
        ask(client)
    assert all("prompt_cache_options" not in (request.body or {}) for request in simulator.requests)


def test_nothing_is_added_where_it_could_not_be_answered(
    client: OpenAI, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument(request_diagnostics=1.0)
    for _ in range(2):
        ask(client, model="gpt-4o")
        messages: Any = [{"role": "user", "content": RULES}]
        client.chat.completions.create(model="gpt-5.6-sol", messages=messages)
    assert all("prompt_cache_options" not in (request.body or {}) for request in simulator.requests)


def test_a_share_is_a_sample(client: OpenAI, simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument(request_diagnostics=0.5)
    for _ in range(61):
        ask(client)
    asked = sum("prompt_cache_options" in (request.body or {}) for request in simulator.requests)
    assert 0 < asked < 60  # 0 and 60 have a probability of 2 ** -60 each
