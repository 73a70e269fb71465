"""Where two prompts diverge, and what happened there: a table of what applications do to their prompts."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.comparison.divergence import Divergence
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS
from otel_promptcache.wire.openai.responses import RESPONSES
from tests.unit.prompts import Application, Body, assistant, chat, only, prose, system, tool, user

RULES = prose(200)
A, B, C = (tool(name, f"Does {name}.") for name in ("alpha", "beta", "gamma"))
TURNS = [
    system(RULES),
    *(turn(f"{word} {prose(40, word)}") for word in ("one", "two", "three") for turn in (user, assistant)),
]
COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": "c2VjcmV0"}


def diverges(old: Body, new: Body, wire: WireFormat = CHAT_COMPLETIONS) -> Divergence | None:
    application = Application(wire)
    application.send({"model": "gpt-4o", **old})
    comparison = application.comparison({"model": "gpt-4o", **new})
    assert comparison is not None
    return comparison.divergence


def found(old: Body, new: Body, wire: WireFormat = CHAT_COMPLETIONS) -> tuple[str, str]:
    divergence = diverges(old, new, wire)
    assert divergence is not None
    return divergence.path, divergence.kind.value


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("2026-11-20T11:46:27Z", "2026-11-20T11:47:01Z", "timestamp"),
        ("2026-11-20T11:46:27.123456+00:00", "2026-11-20T11:46:27.125001+00:00", "timestamp"),
        ("20261120T114627Z", "20261120T114701Z", "timestamp"),
        ("2026-11-20", "2026-11-21", "timestamp"),
        ("11:46", "11:47", "timestamp"),
        ("20.11.2026", "21.11.2026", "timestamp"),
        ("11/20/26", "11/21/26", "timestamp"),
        ("20 Nov 2026", "21 Nov 2026", "timestamp"),
        ("Friday, November 20, 2026", "Saturday, November 21, 2026", "timestamp"),
        ("Nov 20", "Dec 21", "timestamp"),
        ("the 1st of", "the 2nd of", "number"),
        ("21st December", "22nd December", "timestamp"),
        ("2026年11月20日", "2026年11月21日", "timestamp"),
        ("1795175187", "1795175188", "timestamp"),
        ("1795175187123", "1795175187125", "timestamp"),
        ("1795175187123456789", "1795175187125456789", "timestamp"),
        ("8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f", "0cc175b9-c0f1-46a6-831c-399e26977266", "uuid"),
        ("8f14e45fceea467fa9d31f2b3c4d5e6f", "0cc175b9c0f146a6831c399e26977266", "uuid"),
        ("id 8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f at 11:46", "id 0cc175b9-c0f1-46a6-831c-399e26977266 at 11:47", "uuid"),
        ("request 17", "request 18", "number"),
        ("$1,234.50", "$99.10", "number"),
        ("market 5", "market 6", "number"),
        ("5 decisions", "6 decisions", "number"),
        ("user_17ab", "user_18cd", "number"),
        ("Ann", "Bob", "edited"),
        ("Friday", "Saturday", "edited"),
    ],
)  # fmt: skip
def test_what_changed_inside_a_sentence(before: str, after: str, kind: str) -> None:
    old, new = (chat(system(f"{RULES}Mind: {value} is it\n{RULES}")) for value in (before, after))
    divergence = diverges(old, new)
    assert divergence is not None
    assert (divergence.path, divergence.kind.value) == ("messages[0].content", kind)
    assert divergence.offset_bytes == len(RULES)


X, Y, Z = (f"A paragraph about {topic}, which is long enough.\n\n" for topic in ("x", "y", "z"))


@pytest.mark.parametrize(
    ("before", "after", "kind", "offset_bytes"),
    [
        (X + Y, X + Z + Y, "added", len(X)),
        (X + Z + Y, X + Y, "removed", len(X)),
        (X + Y + Z, X + Z + Y, "reordered", len(X)),
        (X + Y, X + Z, "edited", len(X)),
        (X, X + Y, "added", len(X)),
        (X + Y, X, "removed", len(X)),
        (X + "Yes" + Y, X + "No" + Y, "edited", len(X)),
    ],
    ids=["insertion", "removal", "reordering", "replacement", "extension", "truncation", "edit"],
)
def test_what_happened_to_the_paragraphs_of_a_text(
    before: str, after: str, kind: str, offset_bytes: int
) -> None:
    divergence = diverges(chat(system(before), user("Hi")), chat(system(after), user("Hi")))
    assert divergence is not None
    assert (divergence.path, divergence.kind.value, divergence.offset_bytes) == (
        "messages[0].content",
        kind,
        offset_bytes,
    )


def with_tools(*tools: Body, **members: Any) -> Body:
    return chat(system(RULES), user("Hi"), tools=list(tools), **members)


def with_parameters(parameters: Body) -> Body:
    function = {"name": "alpha", "description": "Does alpha.", "parameters": parameters}
    return with_tools({"type": "function", "function": function})


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
    "required": ["a"],
}
NAMED = {**A, "function": only(A["function"], "description", "name", "parameters")}

TOOLS: dict[str, tuple[Body, Body, str, str]] = {
    "in another order": (with_tools(A, B, C), with_tools(A, C, B), "tools[1]", "reordered"),
    "one more at the end": (with_tools(A, B), with_tools(A, B, C), "tools[2]", "added"),
    "one more at the start": (with_tools(A, B), with_tools(C, A, B), "tools[0]", "added"),
    "the first of all": (with_tools(), with_tools(A), "tools[0]", "added"),
    "one less in the middle": (with_tools(A, B, C), with_tools(A, C), "tools[1]", "removed"),
    "one less at the end": (with_tools(A, B, C), with_tools(A, B), "tools[2]", "removed"),
    "none any more": (with_tools(A, B), with_tools(), "tools[0]", "removed"),
    "one for another": (with_tools(A, B), with_tools(A, C), "tools[1]", "added"),
    "an edited description": (
        with_tools(A, B), with_tools(A, tool("beta", "Does more.")), "tools[1].function.description", "edited",
    ),
    "a time in a description": (
        with_tools(tool("alpha", "At 9:30 it opens.")), with_tools(tool("alpha", "At 9:31 it opens.")),
        "tools[0].function.description", "timestamp",
    ),
    "an id in a description": (
        with_tools(tool("alpha", "Run 8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f")),
        with_tools(tool("alpha", "Run 0cc175b9-c0f1-46a6-831c-399e26977266")),
        "tools[0].function.description", "uuid",
    ),
    "members in another order": (with_tools(A), with_tools(NAMED), "tools[0].function.description", "reordered"),
    "schema keys in another order": (
        with_parameters(SCHEMA), with_parameters({**SCHEMA, "properties": only(SCHEMA["properties"], "b", "a")}),
        "tools[0].function.parameters.properties[0].type", "reordered",
    ),
    "a schema key more": (
        with_parameters(SCHEMA), with_parameters({"description": "d", **SCHEMA}),
        "tools[0].function.parameters.description", "added",
    ),
    "a schema key less": (
        with_parameters(SCHEMA), with_parameters(only(SCHEMA, "properties", "required")),
        "tools[0].function.parameters.properties[0].type", "removed",
    ),
    "a schema key more at the end": (
        with_parameters(SCHEMA), with_parameters({**SCHEMA, "additionalProperties": False}),
        "tools[0].function.parameters.additionalProperties", "added",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "kind"), TOOLS.values(), ids=TOOLS)
def test_what_happened_to_the_tools(old: Body, new: Body, path: str, kind: str) -> None:
    divergence = diverges(old, new)
    assert divergence is not None
    assert (divergence.path, divergence.kind.value, divergence.segment.value) == (path, kind, "tool")


def structured(schema: Body) -> Body:
    response_format = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return with_tools(A, response_format=response_format)


FORMATS: dict[str, tuple[Body, Body, str, str]] = {
    "added": (with_tools(A), structured({}), "response_format", "added"),
    "removed": (structured({}), with_tools(A), "response_format", "removed"),
    "edited": (
        structured({"type": "object"}), structured({"type": "array"}), "response_format.json_schema.schema.type", "edited",
    ),
    "of another type": (
        with_tools(response_format={"type": "json_object"}), structured({"type": "object"}), "tools[0]", "added",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "kind"), FORMATS.values(), ids=FORMATS)
def test_what_happened_to_the_text_format(old: Body, new: Body, path: str, kind: str) -> None:
    assert found(old, new) == (path, kind)


def messages(*turns: Body) -> Body:
    return chat(*turns)


def image(detail: str, url: str = "https://example.com/a.png") -> Body:
    part = {"type": "image_url", "image_url": {"url": url, "detail": detail}}
    return {"role": "user", "content": [{"type": "text", "text": "Look"}, part]}


MESSAGES: dict[str, tuple[Body, Body, str, str]] = {
    "truncated head": (messages(*TURNS), messages(TURNS[0], *TURNS[3:]), "messages[1].content", "truncated"),
    "truncated head without rules": (messages(*TURNS[1:]), messages(*TURNS[3:]), "messages[0].content", "truncated"),
    "one removed": (messages(*TURNS), messages(*TURNS[:3], *TURNS[5:]), "messages[3].content", "removed"),
    "one inserted": (messages(*TURNS), messages(*TURNS[:3], user("New"), *TURNS[3:]), "messages[3].content", "added"),
    "two exchanged": (messages(*TURNS), messages(*TURNS[:3], TURNS[5], TURNS[4], TURNS[3]), "messages[3].content", "reordered"),
    "one edited": (
        messages(*TURNS), messages(*TURNS[:3], user("Zwei " + prose(40, "two")), *TURNS[4:]), "messages[3].content", "edited",
    ),
    "one extended": (
        messages(*TURNS), messages(*TURNS[:3], user(TURNS[3]["content"] + "More."), *TURNS[4:]), "messages[3].content", "added",
    ),
    "another speaker": (messages(*TURNS), messages(*TURNS[:3], assistant("Hm."), *TURNS[4:]), "messages[3].content", "edited"),
    "rules removed": (messages(*TURNS), messages(*TURNS[1:]), "messages[0].content", "removed"),
    "rules added": (messages(*TURNS[1:]), messages(*TURNS), "messages[0].content", "added"),
    "another detail of an image": (
        messages(system(RULES), image("low")), messages(system(RULES), image("high")),
        "messages[1].content[1].image_url.detail", "edited",
    ),
    "another image": (
        messages(system(RULES), image("low")), messages(system(RULES), image("low", "https://example.com/b.png")),
        "messages[1].content[1].image_url.url", "edited",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "kind"), MESSAGES.values(), ids=MESSAGES)
def test_what_happened_to_the_messages(old: Body, new: Body, path: str, kind: str) -> None:
    assert found(old, new) == (path, kind)


def test_a_compaction_takes_the_place_of_the_history() -> None:
    history = [user(prose(40, topic)) for topic in ("one", "two", "three")]
    old = {"instructions": RULES, "input": history}
    new = {"instructions": RULES, "input": [COMPACTION, history[2]]}
    divergence = diverges(old, new, RESPONSES)
    assert divergence is not None
    assert divergence.is_compaction
    assert divergence.path == "input[0]"
    assert diverges(new, {**new, "input": [COMPACTION, user("Else")]}, RESPONSES) is not None


def test_a_compaction_of_a_compaction_is_another_one() -> None:
    old = {"instructions": RULES, "input": [COMPACTION, user("One")]}
    new = {"instructions": RULES, "input": [{**COMPACTION, "encrypted_content": "bmV3"}, user("One")]}
    divergence = diverges(old, new, RESPONSES)
    assert divergence is not None
    assert (divergence.is_compaction, divergence.kind.value) == (True, "edited")


def test_names_of_items_and_breakpoints_are_no_difference() -> None:
    text = {"type": "input_text", "text": "Hi"}
    marked = {**text, "prompt_cache_breakpoint": {"mode": "explicit"}}
    old = {"input": [{"id": "a", "status": "completed", "role": "user", "content": [marked]}]}
    new = {"input": [{"id": "b", "role": "user", "content": [text]}, {"role": "user", "content": "More"}]}
    assert diverges(old, new, RESPONSES) is None
