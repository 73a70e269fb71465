"""What requests say about caching, as it is on the wire: breakpoints, roles, scope and options."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.prompt.chain import hash_prompt
from otel_promptcache.core.prompt.segments import CacheOptions, CacheScope, Role, Segment, SegmentKind
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.content import cache_options, role_of
from otel_promptcache.wire.openai.responses import RESPONSES

Body = dict[str, Any]
MARK = {"prompt_cache_breakpoint": {"mode": "explicit"}}
MARK_12H = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}


def segments(wire: WireFormat, **body: Any) -> list[Segment]:
    return list(wire.segments(body))


def chat(*messages: Body) -> list[Segment]:
    return segments(CHAT_COMPLETIONS, messages=list(messages))


def responses(*items: Body, **body: Any) -> list[Segment]:
    return segments(RESPONSES, input=list(items), **body)


def part(text: str, **members: Any) -> Body:
    return {"type": "text", "text": text, **members}


# Breakpoints.

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
MARKED: dict[str, tuple[WireFormat, Body, str | None]] = {
    "a text": (CHAT_COMPLETIONS, {"role": "user", "content": [part("Hi", **MARK)]}, ""),
    "a text with a lifetime": (CHAT_COMPLETIONS, {"role": "user", "content": [part("Hi", **MARK_12H)]}, "12h"),
    "an image": (CHAT_COMPLETIONS, {"role": "user", "content": [{**IMAGE, **MARK}]}, ""),
    "the result of a tool": (
        CHAT_COMPLETIONS, {"role": "tool", "tool_call_id": "c", "content": [part("Hi"), part("Ho", **MARK)]}, "",
    ),
    "a message with a name": (
        CHAT_COMPLETIONS, {"role": "user", "name": "bob", "content": [part("Hi", **MARK_12H)]}, "12h",
    ),
    "the output of a function": (
        RESPONSES,
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "Hi", **MARK}]},
        "",
    ),
    "none": (CHAT_COMPLETIONS, {"role": "user", "content": [part("Hi")]}, None),
    "none at all": (RESPONSES, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, None),
}  # fmt: skip


def unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: unmarked(v) for k, v in value.items() if k != "prompt_cache_breakpoint"}
    return [unmarked(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("wire", "message", "ttl"), MARKED.values(), ids=MARKED)
def test_a_breakpoint_is_found_and_is_no_part_of_the_prompt(
    wire: WireFormat, message: Body, ttl: str | None
) -> None:
    member = "input" if wire is RESPONSES else "messages"
    found = segments(wire, **{member: [message]})
    plain = segments(wire, **{member: [unmarked(message)]})
    assert found[-1].breakpoint_ttl == ttl
    assert plain[-1].breakpoint_ttl is None
    assert hash_prompt(found).links[-1].prefix == hash_prompt(plain).links[-1].prefix


@pytest.mark.parametrize("marker", [None, {}, {"ttl": None}, {"ttl": 7}, "explicit", []])
def test_a_malformed_breakpoint_is_read_without_an_exception(marker: Any) -> None:
    (found,) = chat({"role": "user", "content": [part("Hi", prompt_cache_breakpoint=marker)]})
    assert found.value == "Hi"
    assert found.breakpoint_ttl == (None if marker is None else "")


def test_parts_that_are_no_objects_stay_as_they_are() -> None:
    (found,) = chat({"role": "tool", "tool_call_id": "c", "content": ["Hi", 7, part("Ho", **MARK)]})
    assert found.value == {"role": "tool", "tool_call_id": "c", "content": ["Hi", 7, part("Ho")]}


def test_the_request_is_not_changed_by_being_read() -> None:
    body = {"messages": [{"role": "tool", "tool_call_id": "c", "content": [part("Hi", **MARK)]}]}
    before = repr(body)
    list(CHAT_COMPLETIONS.segments(body))
    assert repr(body) == before


def test_only_the_last_part_ends_a_message() -> None:
    found = chat(
        {"role": "user", "content": [part("a"), part("b"), part("c")]}, {"role": "user", "content": "d"}
    )
    assert [segment.ends_message for segment in found] == [False, False, True, True]


# Roles and content.


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"role": "system"}, Role.DEVELOPER),
        ({"role": "developer"}, Role.DEVELOPER),
        ({"role": "user"}, Role.USER),
        ({"role": "assistant"}, Role.ASSISTANT),
        ({"role": "tool"}, Role.TOOL),
        ({"role": "function"}, Role.TOOL),
        ({"type": "message", "role": "user"}, Role.USER),
        ({"type": "function_call"}, Role.ASSISTANT),
        ({"type": "reasoning"}, Role.ASSISTANT),
        ({"type": "function_call_output"}, Role.TOOL),
        ({"type": "computer_call_output"}, Role.TOOL),
        ({"type": "custom_tool_call_output"}, Role.TOOL),
        ({"type": "compaction"}, Role.COMPACTION),
        ({}, Role.ASSISTANT),
        ({"role": 7, "type": 7}, Role.ASSISTANT),
    ],
)
def test_who_speaks(item: Body, role: Role) -> None:
    assert role_of(item) is role


SAME: dict[str, tuple[list[Segment], list[Segment]]] = {
    "a text and its only part": (
        chat({"role": "user", "content": "Hi"}),
        chat({"role": "user", "content": [part("Hi")]}),
    ),
    "system and developer": (
        chat({"role": "system", "content": "Hi"}),
        chat({"role": "developer", "content": "Hi"}),
    ),
    "an item and the same under a name": (
        responses({"role": "user", "content": "Hi"}),
        responses({"id": "msg_1", "status": "completed", "type": "message", "role": "user", "content": "Hi"}),
    ),
    "plain text and no format": (
        responses({"role": "user", "content": "Hi"}),
        responses({"role": "user", "content": "Hi"}, text={"format": {"type": "text"}}),
    ),
    "plain text and no response format": (
        segments(CHAT_COMPLETIONS, messages=[]),
        segments(CHAT_COMPLETIONS, messages=[], response_format={"type": "text"}),
    ),
    "an input and its only message": (
        segments(RESPONSES, input="Hi"),
        responses({"role": "user", "content": "Hi"}),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_the_provider_renders_the_same_is_the_same(one: list[Segment], other: list[Segment]) -> None:
    first, second = hash_prompt(one), hash_prompt(other)
    assert [link.prefix for link in first.links] == [link.prefix for link in second.links]
    assert first.size_bytes == second.size_bytes


@pytest.mark.parametrize(
    "media",
    [
        IMAGE,
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_audio", "input_audio": {"data": "A" * 50_000, "format": "wav"}},
        {"type": "file", "file": {"file_data": "A" * 50_000}},
        {"type": "input_file", "file_id": "file_1"},
        {"type": "computer_screenshot", "file_id": "file_1"},
    ],
    ids=lambda media: str(media["type"]),
)
def test_media_are_not_measured_by_the_length_of_their_data(media: Body) -> None:
    (found,) = chat({"role": "user", "content": [media]})
    assert found.size_bytes == 3_000
    (text,) = chat({"role": "user", "content": [part("Hi")]})
    assert text.size_bytes is None


def test_leading_developer_messages_are_instructions() -> None:
    developer, user = {"role": "developer", "content": "D"}, {"role": "user", "content": "U"}
    kinds = [segment.kind for segment in responses(developer, developer, user, developer)]
    assert kinds == [SegmentKind.INSTRUCTIONS] * 2 + [SegmentKind.ITEM] * 2
    (continued,) = responses(developer, previous_response_id="resp_1")
    assert continued.kind is SegmentKind.ITEM


# Scope and options.

SCOPES: dict[str, tuple[WireFormat, Body, CacheScope]] = {
    "nothing said": (CHAT_COMPLETIONS, {}, CacheScope()),
    "effort": (CHAT_COMPLETIONS, {"reasoning_effort": "low"}, CacheScope(reasoning_effort="low")),
    "verbosity": (CHAT_COMPLETIONS, {"verbosity": "low"}, CacheScope(verbosity="low")),
    "tier": (CHAT_COMPLETIONS, {"service_tier": "flex"}, CacheScope(service_tier="flex")),
    "the default tier": (CHAT_COMPLETIONS, {"service_tier": "auto"}, CacheScope()),
    "the default tier by name": (RESPONSES, {"service_tier": "default"}, CacheScope()),
    "one tool call at a time": (
        CHAT_COMPLETIONS, {"parallel_tool_calls": False}, CacheScope(parallel_tool_calls=False),
    ),
    "tool calls at once": (RESPONSES, {"parallel_tool_calls": True}, CacheScope()),
    "effort of a response": (RESPONSES, {"reasoning": {"effort": "high"}}, CacheScope(reasoning_effort="high")),
    "verbosity of a response": (RESPONSES, {"text": {"verbosity": "high"}}, CacheScope(verbosity="high")),
    "malformed": (RESPONSES, {"reasoning": 7, "text": [], "service_tier": 7, "prompt_cache_key": 7}, CacheScope()),
    "a completion": (COMPLETIONS, {"prompt": "Hi"}, CacheScope()),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "body", "scope"), SCOPES.values(), ids=SCOPES)
def test_what_partitions_the_cache(wire: WireFormat, body: Body, scope: CacheScope) -> None:
    assert wire.scope(body) == scope


def test_a_cache_key_is_told_apart_and_not_kept() -> None:
    keys = [RESPONSES.scope({"prompt_cache_key": key}).cache_key for key in ("ann", "bob", "ann", "")]
    assert keys[0] == keys[2] != keys[1]
    assert keys[3] == ""
    assert "ann" not in "".join(keys)
    assert CHAT_COMPLETIONS.scope({"prompt_cache_key": "\ud800"}).cache_key


OPTIONS: dict[str, tuple[Body, CacheOptions]] = {
    "nothing said": ({}, CacheOptions()),
    "implicit": ({"prompt_cache_options": {"mode": "implicit"}}, CacheOptions()),
    "explicit": ({"prompt_cache_options": {"mode": "explicit", "ttl": "12h"}}, CacheOptions(is_explicit=True, ttl="12h")),
    "retention": ({"prompt_cache_retention": "24h"}, CacheOptions(retention="24h")),
    "a previous response": ({"previous_response_id": "resp_1"}, CacheOptions(is_continued=True)),
    "a conversation": ({"conversation": {"id": "conv_1"}}, CacheOptions(is_continued=True)),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, CacheOptions(is_continued=True)),
    "the text of a completion": ({"prompt": "Once upon a time"}, CacheOptions()),
    "texts of a completion": ({"prompt": ["Once", "upon"]}, CacheOptions()),
    "a reference to an item": ({"input": [{"type": "item_reference", "id": "a"}]}, CacheOptions(is_continued=True)),
    "malformed": ({"prompt_cache_options": "explicit", "prompt_cache_retention": 7, "input": [None, 7]}, CacheOptions()),
    "malformed inside": ({"prompt_cache_options": {"mode": 7, "ttl": 7}}, CacheOptions()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "options"), OPTIONS.values(), ids=OPTIONS)
def test_what_a_request_asks_of_the_cache(body: Body, options: CacheOptions) -> None:
    assert cache_options(body) == options
