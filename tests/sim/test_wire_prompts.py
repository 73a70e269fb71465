"""From requests to prompts: what the model sees, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.sim.cache.models import policy_for
from otel_promptcache.sim.cache.prompt import Prompt, render
from otel_promptcache.sim.http.chat_api.chat_prompt import chat_prompt
from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.http.responses_api.responses_prompt import input_items, responses_prompt

MODEL = "gpt-6-sol"
USER = {"role": "user", "content": "hello"}
CALL: dict[str, Any] = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def chat(**body: Any) -> Prompt:
    return chat_prompt({"messages": [USER], **body}, MODEL, policy_for(MODEL))


def respond(value: Any = "hello", model: str = MODEL, **body: Any) -> Prompt:
    return responses_prompt(body, input_items(value), 0, model, policy_for(model))


def roles(prompt: Prompt) -> list[str]:
    return [message.role for message in prompt.messages]


def test_both_apis_render_the_same_words_alike() -> None:
    system = {"role": "system", "content": "be kind"}
    chat_stream = render(chat(messages=[system, USER]))
    assert chat_stream == render(respond([system, USER]))
    assert chat_stream == render(respond("hello", instructions="be kind"))


def test_a_string_and_a_text_part_are_the_same() -> None:
    parts = [{"type": "text", "text": "hello"}]
    assert render(chat(messages=[{"role": "user", "content": parts}])) == render(chat())


@pytest.mark.parametrize(
    "change",
    [
        {"reasoning_effort": "low"},
        {"verbosity": "low"},
        {"parallel_tool_calls": False},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_settings_become_hidden(change: dict[str, Any]) -> None:
    assert chat(**change).settings != chat().settings
    assert chat(**change).messages == chat().messages


@pytest.mark.parametrize(
    "same",
    [
        {"tool_choice": "required"},
        {"temperature": 0.5},
        {"metadata": {"a": "b"}},
        {"user": "u"},
        {"parallel_tool_calls": True},
        {"response_format": {"type": "text"}},
        {"verbosity": "medium"},
    ],
)
def test_what_is_not_in_the_prompt(same: dict[str, Any]) -> None:
    assert chat(**same) == chat()


def test_the_order_of_tools_and_of_their_keys_matters() -> None:
    one, two = (
        {"type": "function", "function": {"name": "a"}},
        {"type": "function", "function": {"name": "b"}},
    )
    assert chat(tools=[one, two]) != chat(tools=[two, one])
    assert chat(tools=[{"function": {"name": "a"}, "type": "function"}]) != chat(tools=[one])


def test_roles_of_chat_messages() -> None:
    prompt = chat(
        messages=[
            {"role": "system", "content": "a"},
            {"role": "developer", "content": "b"},
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "c"},
            {"role": "function", "name": "f", "content": "d"},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        ]
    )
    assert roles(prompt) == ["developer", "developer", "user", "assistant", "tool", "tool", "assistant"]


def test_call_ids_do_not_reach_the_model() -> None:
    def with_id(call_id: str) -> Prompt:
        assistant = {"role": "assistant", "tool_calls": [{**CALL, "id": call_id}]}
        return chat(messages=[USER, assistant, {"role": "tool", "tool_call_id": call_id, "content": "ok"}])

    assert with_id("call_1") == with_id("call_2")


def test_names_reach_the_model() -> None:
    assert chat(messages=[{**USER, "name": "ann"}]) != chat(messages=[{**USER, "name": "bob"}])


@pytest.mark.parametrize("detail", ["low", "high"])
def test_an_image_is_its_source_and_its_detail(detail: str) -> None:
    def image(url: str, **more: str) -> Prompt:
        part = {"type": "image_url", "image_url": {"url": url, **more}}
        return chat(messages=[{"role": "user", "content": [part]}])

    assert image("http://a", detail=detail) == image("http://a", detail=detail)
    assert image("http://a", detail=detail) != image("http://a")
    assert image("http://a", detail=detail) != image("http://b", detail=detail)
    tokens = render(image("http://a", detail=detail)).input_tokens - 3
    assert tokens == (85 if detail == "low" else 765)


def test_files_and_audio_count_by_their_size() -> None:
    def part(data: str) -> int:
        file = {"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}
        return render(chat(messages=[{"role": "user", "content": [file]}])).input_tokens

    assert 3 < part("x" * 400) < part("x" * 40_000)


def test_responses_items() -> None:
    prompt = respond(
        [
            USER,
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_1"},
            {"type": "function_call_output", "call_id": "c", "output": "text"},
            {
                "type": "custom_tool_call_output",
                "call_id": "c",
                "output": [{"type": "input_text", "text": "t"}],
            },
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": "data:"},
            },
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "abc"},
            {"type": "configuration_update", "reasoning": {"effort": "high"}},
        ]
    )
    assert roles(prompt) == ["user", "assistant", "assistant", "tool", "tool", "tool", "context", "context"]


def test_item_ids_do_not_reach_the_model() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_1"}
    other = {**call, "id": "fc_2", "call_id": "d", "status": "completed"}
    assert render(respond([call])) == render(respond([other]))


def test_a_configuration_update_keeps_the_prefix() -> None:
    before, after = render(respond([USER])), render(respond([USER, {"type": "configuration_update"}]))
    assert after.tokens[: len(before.tokens)] == before.tokens


@pytest.mark.parametrize(("model", "kept"), [("gpt-5.6-sol", 2), ("gpt-5.4", 1)])
def test_reasoning_of_earlier_turns_is_dropped_by_older_models(model: str, kept: int) -> None:
    first = {"type": "reasoning", "id": "rs_1", "summary": []}
    items = [USER, first, {"role": "assistant", "content": "hi"}, USER, {**first, "id": "rs_2"}]
    assert roles(respond(items, model)).count("assistant") == 1 + kept


@pytest.mark.parametrize(("context", "kept"), [("all_turns", 2), ("current_turn", 1)])
def test_the_request_can_decide_about_reasoning(context: str, kept: int) -> None:
    item = {"type": "reasoning", "summary": []}
    prompt = respond([USER, item, USER, item], reasoning={"context": context})
    assert roles(prompt).count("assistant") == kept


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
    ],
)
def test_malformed_messages_are_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        chat_prompt(body, MODEL, policy_for(MODEL))
    assert (caught.value.status_code, caught.value.param) == (400, param)


@pytest.mark.parametrize("item", [{"role": "robot", "content": "x"}, {"type": "message"}])
def test_malformed_items_are_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        respond([USER, item])
    assert caught.value.param == "input[1].role"


@pytest.mark.parametrize("value", [5, ["x"], {"role": "user"}])
def test_malformed_input_is_refused(value: Any) -> None:
    with pytest.raises(ApiError):
        input_items(value)


MARK = {"prompt_cache_breakpoint": {"mode": "explicit"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "function", **MARK}]}, "tools[0]"),
        ({"messages": [{**USER, **MARK}]}, "messages[0]"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no", **MARK}]}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_chat_markers_stand_on_content_parts_only(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        chat(**body)
    assert caught.value.param == f"{param}.prompt_cache_breakpoint"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (
            {"role": "assistant", "content": [{"type": "output_text", "text": "x", **MARK}]},
            "input[0].content[0]",
        ),
        ({"type": "function_call", "name": "f", "arguments": "", **MARK}, "input[0]"),
        ({"role": "user", "content": "x", **MARK}, "input[0]"),
    ],
)
def test_responses_markers_stand_on_input_parts_only(item: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        respond([item])
    assert caught.value.param == f"{param}.prompt_cache_breakpoint"


def test_what_the_model_said_takes_no_markers() -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "x", **MARK}]}
    for ask in (lambda: chat(messages=[USER, said]), lambda: respond([USER, said])):
        with pytest.raises(ApiError):
            ask()


@pytest.mark.parametrize("kind", ["input_text", "input_image", "input_file", "computer_screenshot"])
def test_input_parts_take_markers(kind: str) -> None:
    stream = render(respond([{"role": "user", "content": [{"type": kind, "text": "x", **MARK}]}]))
    assert len(stream.explicit) == 1
