"""Chat Completions, called by the real client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from otel_promptcache.sim import ManualClock, Simulator, filler_text

SYSTEM: ChatCompletionMessageParam = {"role": "system", "content": filler_text(4000, "system")}
USER: ChatCompletionMessageParam = {"role": "user", "content": "hello"}
NEW, OLD = "gpt-5.6-sol", "gpt-4o"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


class Verdict(BaseModel):
    good: bool
    score: int
    notes: list[str]


def test_cached_and_written_tokens_of_a_new_model(client: OpenAI) -> None:
    first = client.chat.completions.create(model=NEW, messages=[SYSTEM, USER]).usage
    answer: ChatCompletionMessageParam = {"role": "assistant", "content": "hi"}
    second = client.chat.completions.create(model=NEW, messages=[SYSTEM, USER, answer, USER]).usage
    assert first is not None
    assert first.prompt_tokens_details is not None
    assert (first.prompt_tokens_details.cached_tokens, first.prompt_tokens_details.cache_write_tokens) == (
        0,
        first.prompt_tokens,
    )
    assert second is not None
    assert second.prompt_tokens_details is not None
    assert second.prompt_tokens_details.cached_tokens == first.prompt_tokens
    assert second.prompt_tokens_details.cache_write_tokens == second.prompt_tokens - first.prompt_tokens


def test_cached_tokens_of_an_old_model(client: OpenAI, clock: ManualClock) -> None:
    def cached() -> int | None:
        usage = client.chat.completions.create(model=OLD, messages=[SYSTEM, USER]).usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        assert usage.prompt_tokens_details.cache_write_tokens is None
        return usage.prompt_tokens_details.cached_tokens

    assert [cached(), cached()] == [0, 3968]
    clock.advance(25 * 3600)
    assert cached() == 0


def test_the_completion(client: OpenAI, clock: ManualClock) -> None:
    completion = client.chat.completions.create(model=OLD, messages=[USER])
    assert completion.model == "gpt-4o-2024-08-06"
    assert completion.created == int(clock.now_seconds())
    assert completion.service_tier == "default"
    assert completion.id.startswith("chatcmpl-")
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 4
    assert completion.usage.completion_tokens == 16
    assert completion.usage.total_tokens == 20
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.content is not None
    assert len(choice.message.content.split()) == 16


def test_equal_prompts_get_equal_answers(client: OpenAI) -> None:
    one, two = (client.chat.completions.create(model=OLD, messages=[USER]) for _ in range(2))
    assert one.choices == two.choices
    assert one.id != two.id


def test_several_choices_count_the_prompt_once(client: OpenAI) -> None:
    completion = client.chat.completions.create(model=OLD, messages=[USER], n=3)
    assert len({choice.message.content for choice in completion.choices}) == 3
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (4, 48)


@pytest.mark.parametrize("n", [0, 129, 1.5])
def test_impossible_numbers_of_choices(client: OpenAI, n: Any) -> None:
    with pytest.raises(BadRequestError, match="'n'"):
        client.chat.completions.create(model=OLD, messages=[USER], n=n)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_an_output_limit(client: OpenAI, field: str) -> None:
    limit: dict[str, Any] = {field: 5}
    completion = client.chat.completions.create(model=OLD, messages=[USER], **limit)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 5


@pytest.mark.parametrize(
    ("asked", "served"),
    [("auto", "default"), ("fast", "priority"), ("priority", "priority"), ("flex", "flex")],
)
def test_the_tier_that_serves_is_answered(client: OpenAI, asked: Any, served: str) -> None:
    completion = client.chat.completions.create(model=OLD, messages=[USER], service_tier=asked)
    assert completion.service_tier == served


def test_an_unknown_tier(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="Supported values are: 'auto'"):
        client.chat.completions.create(model=OLD, messages=[USER], service_tier="express")  # pyright: ignore[reportArgumentType]


def test_a_configured_downgrade(configured: Callable[..., OpenAI]) -> None:
    client = configured(tier_downgrades={"priority": "default"})
    completion = client.chat.completions.create(model=OLD, messages=[USER], service_tier="priority")
    assert completion.service_tier == "default"


def test_a_stream_without_usage(client: OpenAI, sim: Simulator) -> None:
    with client.chat.completions.create(model=OLD, messages=[USER], stream=True) as stream:
        chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert sim.requests[-1].usage is None
    assert sim.requests[-1].cache is not None


def test_a_stream_with_usage_ends_with_a_chunk_without_choices(client: OpenAI, sim: Simulator) -> None:
    with client.chat.completions.create(
        model=OLD, messages=[USER], stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 4
    assert sim.requests[-1].usage["prompt_tokens"] == 4


def test_a_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    whole = client.chat.completions.create(model=OLD, messages=[USER], n=2)
    with client.chat.completions.create(model=OLD, messages=[USER], n=2, stream=True) as stream:
        texts = ["", ""]
        for chunk in stream:
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]


def test_stream_options_need_a_stream(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="stream_options"):
        client.chat.completions.create(
            model=OLD, messages=[USER], extra_body={"stream_options": {"include_usage": True}}
        )


def test_the_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=NEW, messages=[SYSTEM, USER], stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)
    assert final.usage is not None
    assert final.usage.prompt_tokens_details is not None
    assert final.usage.prompt_tokens_details.cache_write_tokens == final.usage.prompt_tokens


def test_a_forced_tool_call(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model=OLD, messages=[USER], tools=[WEATHER], tool_choice="required"
    )
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", '{"city":"text","days":0}')


def test_a_streamed_tool_call(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=OLD, messages=[USER], tools=[WEATHER], tool_choice="required"
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.arguments == '{"city":"text","days":0}'
    assert calls[0].id.startswith("call_")


def test_tools_that_are_not_forced_are_not_called(client: OpenAI) -> None:
    completion = client.chat.completions.create(model=OLD, messages=[USER], tools=[WEATHER])
    assert completion.choices[0].message.tool_calls is None


def test_parse(client: OpenAI) -> None:
    completion = client.chat.completions.parse(model=OLD, messages=[USER], response_format=Verdict)
    assert completion.choices[0].message.parsed == Verdict(good=True, score=0, notes=[])


def test_parse_in_a_stream(client: OpenAI) -> None:
    with client.chat.completions.stream(model=OLD, messages=[USER], response_format=Verdict) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Verdict(
            good=True, score=0, notes=[]
        )


def test_raw_and_streaming_responses(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=OLD, messages=[USER])
    assert raw.request_id is not None
    assert raw.request_id.startswith("req_")
    assert raw.parse().usage is not None
    with client.chat.completions.with_streaming_response.create(model=OLD, messages=[USER]) as response:
        assert response.headers["content-type"] == "application/json"
        assert response.parse().usage is not None


def test_reasoning_tokens(configured: Callable[..., OpenAI]) -> None:
    client = configured(reasoning_tokens=100)
    usage = client.chat.completions.create(model="gpt-5.4", messages=[USER], max_completion_tokens=105).usage
    assert usage is not None
    assert usage.completion_tokens == 105
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 100


@pytest.mark.parametrize(
    ("request_body", "param"),
    [
        ({"prompt_cache_options": {"mode": "explicit"}}, "prompt_cache_options"),
        ({"extra_body": {"prompt_cache_retention": "7d"}}, "prompt_cache_retention"),
    ],
)
def test_refusals_come_in_the_envelope(client: OpenAI, request_body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=OLD, messages=[USER], **request_body)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id is not None


def test_an_explicit_breakpoint(client: OpenAI) -> None:
    marked: Any = {
        "role": "system",
        "content": [
            {"type": "text", "text": SYSTEM["content"], "prompt_cache_breakpoint": {"mode": "explicit"}}
        ],  # pyright: ignore[reportArgumentType]
    }
    reads: list[int | None] = []
    for question in "abc":
        usage = client.chat.completions.create(
            model=NEW,
            messages=[marked, {"role": "user", "content": question}],
            prompt_cache_options={"mode": "explicit"},
        ).usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        reads.append(usage.prompt_tokens_details.cached_tokens)
    assert reads == [0, 4002, 4002]


async def test_the_async_client(async_client: AsyncOpenAI) -> None:
    completion = await async_client.chat.completions.create(model=OLD, messages=[USER])
    assert completion.usage is not None
    stream = await async_client.chat.completions.create(model=OLD, messages=[USER], stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == completion.choices[0].message.content
    async with async_client.chat.completions.stream(model=OLD, messages=[USER]) as helper:
        assert (await helper.get_final_completion()).choices[0].message.content == text
    parsed = await async_client.chat.completions.parse(model=OLD, messages=[USER], response_format=Verdict)
    assert parsed.choices[0].message.parsed is not None
