"""Worst-case requests: each of about a given size, and made unique by its beginning and its end."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

Body = dict[str, Any]
Adversary = Callable[[int, str, str], Body]
"""Makes a chat request of about that many bytes of JSON; the two strings go at its beginning and its end."""


def size_bytes(body: Body) -> int:
    """Length of a request on the wire."""
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def chat(messages: list[Body], **members: Any) -> Body:
    """A chat request."""
    return {"model": "gpt-4o", "messages": messages, **members}


def message(content: object, role: str = "user") -> Body:
    """One message."""
    return {"role": role, "content": content}


def text(unit: str) -> Adversary:
    """A user message that repeats one text."""
    unit_bytes = len(unit.encode())
    return lambda size, front, end: chat([message(f"{front} {unit * (size // unit_bytes)} {end}")])


def messages(unit: Body) -> Adversary:
    """One message, repeated."""
    count_bytes = size_bytes(unit) + 1

    def body(size: int, front: str, end: str) -> Body:
        return chat([message(front), *[dict(unit) for _ in range(size // count_bytes)], message(end)])

    return body


def instructions(size: int, front: str, end: str) -> Body:
    """Many empty system messages."""
    empty = [message("", "system") for _ in range(size // 31)]
    return chat([message(front, "system"), *empty, message(end, "system")])


def parts(unit: Body) -> Adversary:
    """One message with very many parts."""
    count_bytes = size_bytes(unit) + 1

    def body(size: int, front: str, end: str) -> Body:
        inner = [dict(unit) for _ in range(size // count_bytes)]
        return chat([message([{"type": "text", "text": front}, *inner, {"type": "text", "text": end}])])

    return body


def tool(name: str, parameters: object, description: str = "") -> Body:
    """The definition of a function."""
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def schema(make: Callable[[int], object]) -> Adversary:
    """One tool with these parameters, between two small ones."""

    def body(size: int, front: str, end: str) -> Body:
        tools = [tool("a", {}, front), tool("b", make(size)), tool("c", {}, end)]
        return chat([message("Hi")], tools=tools)

    return body


def few_tools(size: int, front: str, end: str) -> Body:
    """200 ordinary tools, each as long as the size requires, with names that differ by `front`."""
    filler = "word " * max(1, (size // 200 - 120) // 5)
    tools = [tool(f"{front}_{number}", {"type": "object"}, filler) for number in range(200)]
    return chat([message(end)], tools=tools)


def many_tools(size: int, front: str, end: str) -> Body:
    """As many tools as fit into the size."""
    small = [{"type": "function", "function": {"name": f"t{number}"}} for number in range(size // 55)]
    return chat([message("Hi")], tools=[tool("a", {}, front), *small, tool("z", {}, end)])


def empty_tools(size: int, front: str, end: str) -> Body:
    """Tools without any content."""
    return chat(
        [message("Hi")], tools=[tool("a", {}, front), *[{} for _ in range(size // 3)], tool("z", {}, end)]
    )


def marked(size: int, front: str, end: str) -> Body:
    """A breakpoint after every part."""
    part = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    count_bytes = size_bytes(message([part])) + 1
    turns = [message([dict(part)]) for _ in range(size // count_bytes)]
    return chat([message(front, "system"), *turns, message(end)], prompt_cache_options={"mode": "explicit"})


def wide(size: int) -> Body:
    """Very many properties."""
    properties = {f"p{number:07}": {"type": "string"} for number in range(size // 29)}
    return {"type": "object", "properties": properties}


def deep(size: int) -> list[object]:
    """Objects nested 200 deep, as many as the size requires."""

    def nested() -> object:
        value: object = 1
        for _ in range(200):
            value = {"items": value}
        return value

    return [nested() for _ in range(max(1, size // 2_002))]


def square(size: int) -> list[object]:
    """A square array of numbers."""
    side = max(1, math.isqrt(size // 2))
    return [[1] * side for _ in range(side)]


def bushy(size: int) -> object:
    """A binary tree of objects, as deep as the size requires."""
    value: list[object] = [1] * (1 << max(0, size.bit_length() - 4))
    while len(value) > 1:
        value = [{"anyOf": pair, "not": 0} for pair in zip(value[::2], value[1::2], strict=True)]
    return value[0]


def long_name(size: int) -> Body:
    """A property whose name is half of the size, above very many members."""
    members = {f"m{number:05}": {"type": "string"} for number in range(min(1_000, size // 60))}
    return {"type": "object", "properties": {"n" * (size // 2): {"type": "object", "properties": members}}}


def long_names(size: int) -> Body:
    """Nested properties, each with a long name."""
    value: Body = {"type": "string"}
    for _ in range(12):
        value = {"type": "object", "properties": {"n" * (size // 12): value}}
    return value


def names(size: int) -> Body:
    """An object with very many members whose values are all 0."""
    return {f"{number:05x}": 0 for number in range(size // 10)}


PART = {"type": "text", "text": ""}

ADVERSARIES: Mapping[str, Adversary] = {
    "empty system messages": instructions,
    "empty messages": messages(message("")),
    "messages without content": messages({"role": "user"}),
    "short messages": messages(message("Yes, and what then?")),
    "long words": text("a" * 32 + " "),
    "words that are nearly long": text("a" * 31 + " "),
    "long hexadecimal words": text("deadbeef" * 5 + " "),
    "long hexadecimal words with digits": text("d3adb33f" * 5 + " "),
    "identifiers": text("8f14e45f-ceea-467f-a9d3-1f2b3c4d5e6f "),
    "sentences of a letter": text("a. "),
    "sentences": text("Rule one says what has to be done with things of its kind. "),
    "sentences with a number": text("Rule 17 says what has to be done at 9:30. "),
    "spaces": text(" "),
    "line feeds": text("\n"),
    "full stops": text("."),
    "letters with full stops": text("a."),
    "colons": text(":"),
    "marks": text("#"),
    "marks with commas": text("#,"),
    "months": text("may "),
    "months with commas": text("jan, "),
    "a month before a mark": text("may#"),
    "one word": text("a"),
    "one hexadecimal word": text("ab1"),
    "one word of two kinds": text("a-"),
    "digits": text("1"),
    "digits with spaces": text("1 "),
    "digits with points": text("1."),
    "digits of another script": text("\u0663"),
    "brackets": text("("),
    "brackets in pairs": text("[]"),
    "ideographs": text("\u5929"),
    "ideographic full stops": text("\u3002"),
    "emoji": text("\U0001f600"),
    "letters with one emoji": lambda size, front, end: text("a")(size, f"{front}\U0001f600", end),
    "lone surrogates": lambda size, front, end: chat([message(f"{front} {chr(0xD800) * (size // 3)} {end}")]),
    "empty parts": parts(PART),
    "parts": parts({"type": "text", "text": "And what then?"}),
    "images": parts({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "marked parts": parts({**PART, "prompt_cache_breakpoint": {"mode": "explicit"}}),
    "breakpoints": marked,
    "200 tools": few_tools,
    "many tools": many_tools,
    "empty tools": empty_tools,
    "a wide schema": schema(wide),
    "a deep schema": schema(deep),
    "a square of numbers": schema(square),
    "a bushy schema": schema(bushy),
    "a long property name": schema(long_name),
    "long property names": schema(long_names),
    "a long enumeration": schema(lambda size: {"enum": [f"v{number:06}" for number in range(size // 10)]}),
    "a list of numbers": schema(lambda size: [1] * (size // 2)),
    "a list of floats": schema(lambda size: [0.5] * (size // 4)),
    "a list of empty objects": schema(lambda size: [{} for _ in range(size // 3)]),
    "an object of names": schema(names),
    "a long description": schema(lambda size: {"description": "a. " * (size // 3)}),
    "a long description with one emoji": schema(lambda size: {"description": "a" * size + "\U0001f600"}),
    "a message of many members": lambda size, front, end: chat(
        [message(front), {**message("x"), **names(size)}, message(end)]
    ),
    "a long name of a tool": lambda size, front, end: chat(
        [message(front), message(end)], tools=[tool(("a" * 32 + " ") * (size // 33), {})]
    ),
}
