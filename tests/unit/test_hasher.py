"""Hashing a prompt in blocks: whatever is remembered, the links are the same as without memory."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_promptcache.core.prompt import chain
from otel_promptcache.core.prompt.chain import HashedPrompt, PromptHasher, hash_prompt
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.prompt.segments import Segment, without_items
from otel_promptcache.core.prompt.serial import NotJsonError, serial
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES
from tests.unit.prompts import assistant, chat, prose, system, tool, user

TEXT = st.sampled_from(["", "Hi", "Yes.", "x" * 1_100, "1", "é"])
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "input_text", "image_url"]), "text": TEXT},
    optional={"prompt_cache_breakpoint": st.just({"mode": "explicit"})},
)
ITEM = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
    optional={
        "content": TEXT | st.none() | st.lists(PART, max_size=3),
        "name": TEXT,
        "id": TEXT,
        "status": TEXT,
        "flag": st.sampled_from([0, 1, 1.0, True, False, None]),
        "tool_calls": st.lists(st.fixed_dictionaries({"id": TEXT, "index": st.sampled_from([1, True, 1.0])}), max_size=2),
    },
)  # fmt: skip
ITEMS = st.lists(ITEM, max_size=6)
TOOLS = st.lists(
    st.sampled_from([tool("a"), tool("b"), tool("b", "Other."), {"type": "web_search"}]), max_size=3
)
BODIES = st.one_of(
    st.tuples(st.just(CHAT_COMPLETIONS), st.fixed_dictionaries({"messages": ITEMS}, optional={"tools": TOOLS | st.just("none"), "functions": TOOLS, "response_format": st.just({"type": "json_object"})})),
    st.tuples(st.just(RESPONSES), st.fixed_dictionaries({"input": ITEMS | TEXT}, optional={"tools": TOOLS, "instructions": TEXT, "text": st.just({"format": {"type": "json_object"}}), "previous_response_id": TEXT})),
    st.tuples(st.just(COMPLETIONS), st.fixed_dictionaries({"prompt": TEXT | st.lists(TEXT, max_size=3)})),
)  # fmt: skip


@given(st.lists(BODIES, min_size=1, max_size=5))
def test_what_is_remembered_changes_nothing(bodies: list[tuple[WireFormat, dict[str, Any]]]) -> None:
    hasher = PromptHasher()
    for wire, body in [*bodies, *bodies]:
        prompt, segments = hasher.hash(partial(wire.blocks, body))
        expected = tuple(wire.segments(body))
        assert prompt == hash_prompt(expected)
        assert [segments[index] for index in range(len(expected))] == list(expected)


@given(ITEMS, ITEMS)
def test_a_history_that_grows_is_held_once(head: list[Any], tail: list[Any]) -> None:
    hasher, before, after = PromptHasher(), {"messages": head}, {"messages": [*head, *tail]}
    (first, _), (second, fresh) = (
        hasher.hash(partial(CHAT_COMPLETIONS.blocks, body)) for body in (before, after)
    )
    assert all(one is other for one, other in zip(first.links, second.links, strict=False))
    assert all(index >= len(first.links) for index in fresh)


@pytest.mark.parametrize("odd", [(1, True), (1, 1.0), (0, False), ("a", b"a")])
def test_values_that_python_takes_for_equal_are_told_apart(odd: tuple[Any, Any]) -> None:
    hasher = PromptHasher()
    one, other = (
        hasher.hash(partial(CHAT_COMPLETIONS.blocks, chat({"role": "user", "content": "Hi", "n": n})))[0]
        for n in odd
    )
    assert one.links[0].prefix != other.links[0].prefix


class Color(str, enum.Enum):
    RED = "red"


def test_what_marshal_does_not_know_is_hashed_as_json() -> None:
    assert serial({"a": [1, None]}) == serial({"a": [1, None]})
    assert serial({"color": Color.RED}) == '{"color":"red"}'
    with pytest.raises(NotJsonError, match=r"^object$"):
        serial({"x": object()})
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="Circular"):
        serial(loop)


def test_segments_of_remembered_blocks_are_read_when_they_are_asked_for() -> None:
    hasher = PromptHasher()
    body = chat(system(prose(400)), user("Hi"), tools=[tool("a")])
    hasher.hash(partial(CHAT_COMPLETIONS.blocks, body))
    _, segments = hasher.hash(partial(CHAT_COMPLETIONS.blocks, body))
    assert dict(segments) == {}
    assert [segments[index].path for index in (2, 0)] == ["messages[1].content", "tools[0]"]
    with pytest.raises(IndexError):
        segments[3]


def test_no_more_links_are_remembered_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "MAX_KNOWN_LINKS", 10)
    hasher = PromptHasher()
    for number in range(40):
        tools = [tool(f"{number} {each}") for each in range(number % 9)]
        body = chat(*(user(f"{number} {turn}") for turn in range(number % 12)), tools=tools)
        assert hasher.hash(partial(CHAT_COMPLETIONS.blocks, body))[0] == hash_prompt(
            CHAT_COMPLETIONS.segments(body)
        )
        held = sum(len(block.links) for block in hasher._known.values())
        assert hasher._links_held == held <= 10


@pytest.mark.parametrize("kind", ["messages", "parts", "tools"])
def test_a_prompt_of_too_many_segments_is_read_no_further(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "MAX_SEGMENTS", 10)
    read: list[Segment] = []

    def prompt(count: int, hasher: PromptHasher | None = None) -> HashedPrompt:
        part = {"type": "text", "text": "x"}
        body = {
            "messages": chat(*(user(str(number)) for number in range(count))),
            "parts": chat({"role": "user", "content": [part] * count}),
            "tools": chat(tools=[{}] * count),
        }[kind]

        def watched(segments: Callable[[], Iterable[Segment]]) -> Iterator[Segment]:
            for segment in segments():
                read.append(segment)
                yield segment

        return (hasher or PromptHasher()).hash(
            lambda: ((key, partial(watched, segments)) for key, segments in CHAT_COMPLETIONS.blocks(body))
        )[0]

    assert prompt(10).is_whole
    read.clear()
    hasher = PromptHasher()
    for most in (11, 0):  # the second time, it is known to be too long
        read.clear()
        assert prompt(1_000, hasher) == HashedPrompt(
            (), prompt(11).routing, prompt(11).leading, is_whole=False
        )
        assert len(read) <= 2 * 11 + most
    assert prompt(10, hasher).is_whole


JSON_FORMAT = {"response_format": {"type": "json_object"}}


@given(st.lists(BODIES, min_size=1, max_size=5))
@example([(CHAT_COMPLETIONS, {"messages": [user(text)], **JSON_FORMAT}) for text in ("a", "b")])
def test_the_leading_part_stands_for_the_template(bodies: list[tuple[WireFormat, dict[str, Any]]]) -> None:
    fingerprinter, hasher = Fingerprinter(), PromptHasher()
    for wire, body in bodies:
        leading = hasher.hash(partial(wire.blocks, body))[0].leading
        identity = Fingerprinter().identify(wire.segments(body))
        found = fingerprinter.recall(leading) or fingerprinter.identify(wire.segments(body), leading)
        assert (found.fingerprint, found.digest) == (identity.fingerprint, identity.digest)


def test_a_format_alone_names_no_template() -> None:
    one, other = (
        hash_prompt(CHAT_COMPLETIONS.segments(chat(user(text), **JSON_FORMAT))).leading for text in "ab"
    )
    assert one != other
    assert hash_prompt(list(CHAT_COMPLETIONS.segments(chat(**JSON_FORMAT)))).leading is None


def test_of_a_continued_prompt_the_items_are_left_out() -> None:
    body = {
        "instructions": "Be kind.",
        "input": [user("a"), assistant("b")],
        "previous_response_id": "resp_1",
    }
    blocks = list(without_items(partial(RESPONSES.blocks, body)))
    assert [segment.path for _, read in blocks for segment in read()] == ["instructions"]
