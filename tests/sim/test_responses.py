"""The Responses API, called by the real client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response, ResponseUsage
from pydantic import BaseModel

from otel_promptcache.sim import ManualClock, Simulator, filler_text

NEW, OLD = "gpt-6-sol", "gpt-4o"
STABLE = filler_text(4000, "instructions")
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Verdict(BaseModel):
    good: bool


def usage_of(response: Response) -> ResponseUsage:
    assert response.usage is not None
    return response.usage


def test_usage_of_a_new_model(client: OpenAI) -> None:
    usage = usage_of(client.responses.create(model=NEW, instructions=STABLE, input="hello"))
    assert usage.model_dump() == {
        "input_tokens": 4007,
        "input_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 4007,
            "cache_write_tokens_details": {"ttl_30m_tokens": 4007, "ttl_12h_tokens": 0},
        },
        "output_tokens": 16,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 4023,
    }
    again = usage_of(client.responses.create(model=NEW, instructions=STABLE, input="hello"))
    assert again.input_tokens_details.cached_tokens == 4007
    assert again.input_tokens_details.cache_write_tokens == 0


def test_usage_of_an_old_model_has_no_lifetimes(client: OpenAI) -> None:
    for cached in (0, 3968):
        details = usage_of(
            client.responses.create(model=OLD, instructions=STABLE, input="hello")
        ).input_tokens_details
        assert details.model_dump(exclude_unset=True) == {"cached_tokens": cached, "cache_write_tokens": 0}


def test_twelve_hours(client: OpenAI, clock: ManualClock) -> None:
    def ask() -> ResponseUsage:
        return usage_of(
            client.responses.create(
                model=NEW, instructions=STABLE, input="hello", prompt_cache_options={"ttl": "12h"}
            )
        )

    split = ask().input_tokens_details.cache_write_tokens_details
    assert split is not None
    assert (split.ttl_12h_tokens, split.ttl_30m_tokens) == (4007, 0)
    clock.advance(11 * 3600)
    assert ask().input_tokens_details.cached_tokens == 4007


def test_the_request_is_echoed(client: OpenAI) -> None:
    response = client.responses.create(
        model="gpt-5.6",
        input="hello",
        prompt_cache_key="k",
        prompt_cache_options={"mode": "explicit", "ttl": "12h"},
        prompt_cache_retention="24h",
        metadata={"a": "b"},
        service_tier="fast",
        tools=[WEATHER],
        reasoning={"effort": "low"},
    )
    assert response.model == "gpt-5.6-sol"
    assert response.prompt_cache_key == "k"
    assert response.prompt_cache_options is not None
    assert (response.prompt_cache_options.mode, response.prompt_cache_options.ttl) == ("explicit", "12h")
    assert response.prompt_cache_retention == "24h"
    assert response.metadata == {"a": "b"}
    assert response.service_tier == "priority"
    assert response.reasoning is not None
    assert response.reasoning.effort == "low"
    assert response.tools[0].type == "function"
    assert response.status == "completed"


def test_old_models_have_a_retention_and_no_options(client: OpenAI) -> None:
    response = client.responses.create(model=OLD, input="hello")
    assert response.prompt_cache_options is None
    assert response.prompt_cache_retention == "24h"


def test_zero_data_retention_shows(configured: Callable[..., OpenAI]) -> None:
    client = configured(zero_data_retention=True)
    retentions = [
        client.responses.create(model=model, input="hello").prompt_cache_retention
        for model in (OLD, "gpt-5.5", NEW)
    ]
    assert retentions == ["in_memory", "24h", None]


def test_a_prewarm_fills_the_cache_and_says_nothing(client: OpenAI) -> None:
    warm = client.responses.create(
        model=NEW, instructions=STABLE, input="hello", prompt_cache_options={"prewarm": True}
    )
    assert warm.output == []
    assert usage_of(warm).output_tokens == 0
    assert usage_of(warm).input_tokens_details.cache_write_tokens == 4007
    real = client.responses.create(model=NEW, instructions=STABLE, input="hello")
    assert usage_of(real).input_tokens_details.cached_tokens == 4007


def test_a_prewarm_in_a_stream(client: OpenAI) -> None:
    with client.responses.create(
        model=NEW, input="hello", prompt_cache_options={"prewarm": True}, stream=True
    ) as stream:
        assert [event.type for event in stream] == [
            "response.created",
            "response.in_progress",
            "response.completed",
        ]


TEXT_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * 16,
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def test_the_events_of_a_text(client: OpenAI, sim: Simulator) -> None:
    with client.responses.create(model=NEW, input="hello", stream=True) as stream:
        events = list(stream)
    assert [event.type for event in events] == TEXT_EVENTS
    assert [getattr(event, "sequence_number", None) for event in events] == list(range(len(events)))
    created, completed = events[0], events[-1]
    assert created.type == "response.created"
    assert (created.response.status, created.response.usage) == ("in_progress", None)
    assert completed.type == "response.completed"
    assert completed.response.output_text == client.responses.create(model=NEW, input="hello").output_text
    assert completed.response.usage is not None
    assert sim.requests[0].completed


def test_the_events_of_a_tool_call(client: OpenAI) -> None:
    with client.responses.stream(model=NEW, input="hello", tools=[WEATHER], tool_choice="required") as stream:
        kinds = [event.type for event in stream]
        (call,) = stream.get_final_response().output
    assert kinds[2] == "response.output_item.added"
    assert "response.function_call_arguments.delta" in kinds
    assert kinds[-3:] == [
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("weather", '{"city":"text"}')


def test_the_stream_helper_and_parse(client: OpenAI) -> None:
    with client.responses.stream(model=NEW, input="hello", text_format=Verdict) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == Verdict(good=True)
    assert client.responses.parse(model=NEW, input="hello", text_format=Verdict).output_parsed == Verdict(
        good=True
    )


def test_an_output_limit_makes_it_incomplete(client: OpenAI) -> None:
    response = client.responses.create(model=NEW, input="hello", max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert usage_of(response).output_tokens == 5


def test_a_conversation_continues_where_it_was(client: OpenAI) -> None:
    first = client.responses.create(model=NEW, instructions=STABLE, input="hello")
    second = client.responses.create(
        model=NEW, instructions=STABLE, input="and then?", previous_response_id=first.id
    )
    usage = usage_of(second)
    assert second.previous_response_id == first.id
    assert usage.input_tokens_details.cached_tokens == usage_of(first).input_tokens
    assert usage.input_tokens > usage_of(first).input_tokens + 16
    third = client.responses.create(
        model=NEW, instructions=STABLE, input="and?", previous_response_id=second.id
    )
    assert usage_of(third).input_tokens_details.cached_tokens == usage.input_tokens


def test_instructions_do_not_carry_over(client: OpenAI) -> None:
    first = client.responses.create(model=NEW, instructions=STABLE, input="hello")
    second = client.responses.create(model=NEW, input="and then?", previous_response_id=first.id)
    assert usage_of(second).input_tokens < 100
    assert usage_of(second).input_tokens_details.cached_tokens == 0


def test_manual_history_is_the_same_prompt_as_a_continuation(client: OpenAI) -> None:
    first = client.responses.create(model=NEW, input=STABLE)
    continued = client.responses.create(model=NEW, input="and?", previous_response_id=first.id)
    history: Any = [
        {"role": "user", "content": STABLE},
        *(item.model_dump() for item in first.output),
        {"role": "user", "content": "and?"},
    ]
    manual = client.responses.create(model=NEW, input=history)
    assert usage_of(manual).input_tokens_details.cached_tokens == usage_of(continued).input_tokens


def test_what_was_not_stored_cannot_be_continued_or_retrieved(client: OpenAI) -> None:
    first = client.responses.create(model=NEW, input="hello", store=False)
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model=NEW, input="and?", previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found"
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)


def test_retrieve_and_delete(client: OpenAI) -> None:
    response = client.responses.create(model=NEW, input="hello")
    assert client.responses.retrieve(response.id) == response
    client.responses.delete(response.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(NotFoundError):
        client.responses.delete(response.id)


def test_responses_of_other_organizations_cannot_be_seen(client: OpenAI, sim: Simulator) -> None:
    response = client.responses.create(model=NEW, input="hello")
    with OpenAI(base_url=sim.base_url, api_key="other key") as other, pytest.raises(NotFoundError):
        other.responses.retrieve(response.id)


def test_stored_responses_are_bounded(configured: Callable[..., OpenAI]) -> None:
    client = configured(max_responses=2)
    ids = [client.responses.create(model=NEW, input=text).id for text in "abc"]
    with pytest.raises(NotFoundError):
        client.responses.retrieve(ids[0])
    assert client.responses.retrieve(ids[2]).id == ids[2]


def test_item_references(client: OpenAI) -> None:
    first = client.responses.create(model=NEW, input="hello")
    item_id = first.output[0].id
    assert item_id is not None
    reference: Any = {"type": "item_reference", "id": item_id}
    inline: Any = first.output[0].model_dump()
    by_reference, by_value = (
        usage_of(client.responses.create(model=NEW, input=[item])).input_tokens
        for item in (reference, inline)
    )
    assert by_reference == by_value
    with pytest.raises(BadRequestError, match="not found"):
        client.responses.create(model=NEW, input=[{"type": "item_reference", "id": "msg_unknown"}])


def test_what_is_not_simulated_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="no background responses"):
        client.responses.create(model=NEW, input="hello", background=True)
    with pytest.raises(BadRequestError, match="does not know 'conversation'"):
        client.responses.create(model=NEW, input="hello", conversation="conv_1")
    with pytest.raises(BadRequestError, match="does not know 'prompt'"):
        client.responses.create(model=NEW, input="hello", prompt={"id": "pmpt_1"})


def test_counting_input_tokens_leaves_no_trace_in_the_cache(client: OpenAI, sim: Simulator) -> None:
    request: dict[str, Any] = {"model": NEW, "instructions": STABLE, "input": "hello", "tools": [WEATHER]}
    counted = client.responses.input_tokens.count(**request)
    usage = usage_of(client.responses.create(**request))
    assert counted.input_tokens == usage.input_tokens
    assert usage.input_tokens_details.cached_tokens == 0
    assert sim.requests[0].cache is None


def test_compaction_replaces_the_history(client: OpenAI) -> None:
    history: Any = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": STABLE},
        {"role": "user", "content": "and?"},
    ]
    before = client.responses.create(model=NEW, input=history)
    compacted = client.responses.compact(model=NEW, input=history)
    assert [item.type for item in compacted.output] == ["message", "message", "compaction"]
    assert compacted.object == "response.compaction"
    assert compacted.usage.input_tokens_details.cached_tokens == usage_of(before).input_tokens
    shorter: Any = [item.model_dump(exclude_none=True, warnings=False) for item in compacted.output]
    after = client.responses.create(model=NEW, input=shorter)
    assert usage_of(after).input_tokens < 500
    assert usage_of(after).input_tokens_details.cached_tokens == 0


def test_compaction_within_a_response(client: OpenAI) -> None:
    management: Any = [{"type": "compaction", "compact_threshold": 2000}]
    first = client.responses.create(model=NEW, input=STABLE, context_management=management)
    assert [item.type for item in first.output] == ["compaction", "message"]
    second = client.responses.create(model=NEW, input="and?", previous_response_id=first.id)
    assert usage_of(second).input_tokens < 500
    with client.responses.create(
        model=NEW, input=STABLE, context_management=management, stream=True
    ) as stream:
        done = [event.item.type for event in stream if event.type == "response.output_item.done"]
    assert done == ["compaction", "message"]
    below = client.responses.create(model=NEW, input="hello", context_management=management)
    assert [item.type for item in below.output] == ["message"]


def test_reasoning_comes_first(configured: Callable[..., OpenAI]) -> None:
    client = configured(reasoning_tokens=50)
    response = client.responses.create(model=NEW, input="hello")
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert usage_of(response).output_tokens == 66
    assert usage_of(response).output_tokens_details.reasoning_tokens == 50
    with client.responses.stream(model=NEW, input="hello") as stream:
        kinds = [event.type for event in stream]
    assert kinds[2:5] == [
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.added",
    ]


def test_beta_responses(client: OpenAI, sim: Simulator) -> None:
    response = client.beta.responses.create(model=NEW, input="hello")
    assert response.usage is not None
    assert sim.requests[-1].query == {"beta": "true"}


def test_raw_and_streaming_responses(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(model=NEW, input="hello")
    assert raw.parse().status == "completed"
    with client.responses.with_streaming_response.create(model=NEW, input="hello", stream=True) as response:
        lines = [line for line in response.iter_lines() if line.startswith("event: ")]
    assert lines == [f"event: {name}" for name in TEXT_EVENTS]


async def test_the_async_client(async_client: AsyncOpenAI) -> None:
    response = await async_client.responses.create(model=NEW, input="hello")
    stream = await async_client.responses.create(model=NEW, input="hello", stream=True)
    assert [event.type async for event in stream] == TEXT_EVENTS
    async with async_client.responses.stream(model=NEW, input="hello") as helper:
        assert (await helper.get_final_response()).output_text == response.output_text
    parsed = await async_client.responses.parse(model=NEW, input="hello", text_format=Verdict)
    assert parsed.output_parsed == Verdict(good=True)
