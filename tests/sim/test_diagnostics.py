"""`prompt_cache_diagnostics`, requested by a real client."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses import Response

from otel_promptcache.sim import ManualClock, Simulator, filler_text

MODEL = "gpt-5.6-sol"
STABLE = filler_text(4000, "instructions")
TOOL = {"type": "function", "name": "f", "parameters": {}, "strict": False}
SCHEMA = {"type": "json_schema", "name": "x", "schema": {"type": "object", "properties": {}}}
BASE: dict[str, Any] = {"model": MODEL, "instructions": STABLE, "input": "hello"}


def compare(client: OpenAI, earlier: str, **change: Any) -> Response:
    return client.responses.create(
        **{**BASE, **change}, prompt_cache_options={"comparison_response_id": earlier}
    )


def test_a_hit(client: OpenAI) -> None:
    first = client.responses.create(**BASE)
    second = compare(client, first.id)
    assert second.prompt_cache_diagnostics is not None
    assert second.prompt_cache_diagnostics.model_dump(exclude_none=True) == {"type": "cache_hit"}
    assert second.prompt_cache_options is not None
    assert second.prompt_cache_options.comparison_response_id == first.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "gpt-5.6-luna"}, "model_changed"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key_changed"),
        ({"service_tier": "priority"}, "service_tier_changed"),
        ({"tools": [TOOL]}, "tools_changed"),
        ({"parallel_tool_calls": False}, "tools_changed"),
        ({"text": {"format": SCHEMA}}, "text_format_changed"),
        ({"reasoning": {"effort": "low"}}, "reasoning_effort_changed"),
        ({"text": {"verbosity": "low"}}, "verbosity_changed"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "context_compacted"),
        ({"input": "another"}, "input_changed"),
        ({"instructions": STABLE + "!"}, "input_changed"),
    ],
)
def test_each_reason(client: OpenAI, change: dict[str, Any], reason: str) -> None:
    first = client.responses.create(**BASE)
    diagnostics = compare(client, first.id, **change).prompt_cache_diagnostics
    assert diagnostics is not None
    assert diagnostics.type == "cache_miss"
    assert diagnostics.reason == reason
    assert first.usage is not None
    assert diagnostics.comparison_reusable_tokens == first.usage.input_tokens
    assert diagnostics.cache_missed_tokens == first.usage.input_tokens


def test_only_the_first_category_is_named(client: OpenAI) -> None:
    first = client.responses.create(**BASE)
    change: dict[str, Any] = {"prompt_cache_key": "k", "tools": [TOOL], "input": "another"}
    diagnostics = compare(client, first.id, **change).prompt_cache_diagnostics
    assert getattr(diagnostics, "reason", None) == "prompt_cache_key_changed"


def test_what_still_matched_is_not_missed(client: OpenAI) -> None:
    question = {"role": "user", "content": "hello"}
    short = client.responses.create(**{**BASE, "input": [question]})
    longer = client.responses.create(**{**BASE, "input": [question, {"role": "user", "content": STABLE}]})
    assert short.usage is not None
    assert longer.usage is not None
    changed = [question, {"role": "user", "content": "something else"}]
    diagnostics = compare(client, longer.id, input=changed).prompt_cache_diagnostics
    assert diagnostics is not None
    assert diagnostics.type == "cache_miss"
    assert diagnostics.comparison_reusable_tokens == longer.usage.input_tokens
    assert diagnostics.cache_missed_tokens == longer.usage.input_tokens - short.usage.input_tokens


def test_an_unknown_response(client: OpenAI) -> None:
    diagnostics = compare(client, "resp_unknown").prompt_cache_diagnostics
    assert getattr(diagnostics, "type", None) == "comparison_response_not_found"


def test_a_response_of_another_organization(client: OpenAI) -> None:
    first = client.responses.create(**BASE, extra_headers={"OpenAI-Organization": "other"})
    assert getattr(compare(client, first.id).prompt_cache_diagnostics, "type", None) == (
        "comparison_response_not_found"
    )


def test_a_response_that_is_not_stored_can_be_compared_with_until_it_is_too_old(
    client: OpenAI, clock: ManualClock
) -> None:
    first = client.responses.create(**BASE, store=False)
    assert getattr(compare(client, first.id).prompt_cache_diagnostics, "type", None) == "cache_hit"
    clock.advance(24 * 3600 + 1)
    assert getattr(compare(client, first.id).prompt_cache_diagnostics, "type", None) == (
        "comparison_response_not_found"
    )


def test_a_miss_the_request_does_not_explain_is_unavailable(client: OpenAI, sim: Simulator) -> None:
    first = client.responses.create(**BASE)
    sim.evict()
    assert getattr(compare(client, first.id).prompt_cache_diagnostics, "type", None) == "unavailable"


def test_a_response_that_left_nothing_to_reuse_is_unavailable(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="short")
    assert getattr(compare(client, first.id).prompt_cache_diagnostics, "type", None) == "unavailable"


def test_not_asked_for(client: OpenAI) -> None:
    assert client.responses.create(**BASE).prompt_cache_diagnostics is None


def test_turned_off(configured: Any) -> None:
    client = configured(diagnostics_enabled=False)
    first = client.responses.create(**BASE)
    assert compare(client, first.id).prompt_cache_diagnostics is None


def test_in_a_stream_they_come_with_the_completed_response(client: OpenAI) -> None:
    first = client.responses.create(**BASE)
    options: Any = {"comparison_response_id": first.id}
    with client.responses.create(**BASE, prompt_cache_options=options, stream=True) as stream:
        completed = [event for event in stream if event.type == "response.completed"]
    assert getattr(completed[0].response.prompt_cache_diagnostics, "type", None) == "cache_hit"
