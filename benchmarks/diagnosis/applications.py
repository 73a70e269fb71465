"""Applications that send chats, each with at most one fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from benchmarks.diagnosis.requests import (
    COARSE,
    COLD,
    EXACT,
    HIT,
    WIDE,
    Application,
    Body,
    Request,
    assistant,
    chat,
    is_,
    system,
    text,
    tool,
    user,
    volatile,
)

_ROUNDS = 5
FIRST = "messages[0].content"


def growing(rng: random.Random) -> Iterator[Request]:
    """A conversation without a fault, with a rewind at its end."""
    model = rng.choice((COARSE, WIDE, EXACT))
    messages = [system(text(rng.choice((2_500, 4_000)), rng)), user(text(60, rng))]
    yield Request(chat(messages, model), COLD)
    for _ in range(_ROUNDS):
        messages = [
            *messages,
            assistant(text(rng.choice((40, 300)), rng)),
            user(text(rng.choice((20, 200)), rng)),
        ]
        yield Request(chat(messages, model), HIT)
    yield Request(chat(messages[:-2], model), HIT)


def questions(rng: random.Random) -> Iterator[Request]:
    """New questions after the same rules."""
    rules = system(text(3_000, rng))
    for number in range(_ROUNDS):
        yield Request(chat([rules, user(text(60, rng))]), HIT if number else COLD)


def one_offs(rng: random.Random) -> Iterator[Request]:
    """Prompts that are sent only once each."""
    for _ in range(_ROUNDS):
        yield Request(
            chat([system(text(1_500, rng)), user(text(200, rng))], rng.choice((COARSE, EXACT))), COLD
        )


def short(rng: random.Random) -> Iterator[Request]:
    """Rules that are too short to be cached, with long questions."""
    rules = system(text(500, rng))
    for number in range(_ROUNDS):
        truth = is_("below_minimum") if number else COLD
        yield Request(chat([rules, user(text(1_100, rng))]), truth)


def volatile_in(place: str, kind: str) -> Application:
    """A value of a kind that changes with each request."""

    def requests(rng: random.Random) -> Iterator[Request]:
        model = rng.choice((COARSE, EXACT))
        head, rest, question = text(600, rng), text(2_600, rng), text(60, rng)
        for number in range(_ROUNDS):
            line = f"The value is {volatile(kind, rng)} now.\n"
            rules, tools, path = head + rest, [tool("read", "Reads.")], FIRST
            if place == "the top":
                rules = line + rules
            elif place == "the middle":
                rules = head + line + rest
            elif place == "the end":
                rules += line
            else:
                tools, path = [tool("read", f"Reads.\n{line}")], "tools[0].function.description"
            truth = is_("input_changed" if path == FIRST else "tools_changed", path=path, kinds=kind)
            if place == "the end":  # only a short question follows
                truth = is_(None) if model == COARSE else is_("no_matching_breakpoint", None)
            yield Request(
                chat([system(rules), user(question)], model, tools=tools), truth if number else COLD
            )

    return requests


def several_volatile(rng: random.Random) -> Iterator[Request]:
    """An id, a time and a number, one line each."""
    rules = text(2_600, rng)
    for number in range(_ROUNDS):
        lines = "".join(
            f"The {kind} is {volatile(kind, rng)} here.\n" for kind in ("uuid", "timestamp", "number")
        )
        truth = is_("input_changed", path=FIRST, kinds="uuid") if number else COLD
        yield Request(chat([system(lines + rules), user("Hi")]), truth)


def tools_that(
    change: Callable[[list[Body], int, random.Random], list[Body]], path: str, kinds: str
) -> Application:
    """Tools that are changed from request to request."""

    def requests(rng: random.Random) -> Iterator[Request]:
        rules = system(text(2_500, rng))
        schema = {
            "required": list("abcdef"),
            "properties": {name: {"enum": list("vwxyz")} for name in "abcdef"},
        }
        tools = [
            tool(name, text(120, rng), **schema) for name in ("search", "read", "write", "run", "list", "ask")
        ]
        for number in range(_ROUNDS):
            # Only what was sent before in exactly this form is read.
            truth = is_("tools_changed", path=path, kinds=kinds) if number else COLD
            yield Request(chat([rules, user(text(40, rng))], tools=change(tools, number, rng)), truth)

    return requests


def _rotated(tools: list[Body], number: int, _: random.Random) -> list[Body]:
    return tools[number:] + tools[:number]


def _fewer(tools: list[Body], number: int, _: random.Random) -> list[Body]:
    return tools[number:]


def _more(tools: list[Body], number: int, _: random.Random) -> list[Body]:
    return [tools[-1 - each] for each in range(number)][::-1] + tools[:1] if number else tools[:1]


def _other_order(name: str) -> Callable[[list[Body], int, random.Random], list[Body]]:
    def change(tools: list[Body], number: int, _: random.Random) -> list[Body]:
        function = tools[0]["function"]
        parameters = dict(function["parameters"])
        if name == "required":
            parameters["required"] = parameters["required"][number:] + parameters["required"][:number]
        else:
            values = parameters["properties"]["a"]["enum"]
            changed = {"enum": values[number:] + values[:number]}
            parameters["properties"] = {**parameters["properties"], "a": changed}
        return [{**tools[0], "function": {**function, "parameters": parameters}}, *tools[1:]]

    return change


def _described(tools: list[Body], number: int, _: random.Random) -> list[Body]:
    function = tools[0]["function"]
    text_ = f"Skills: {' '.join(f'Skill {letter} is ready.' for letter in 'abcdefg'[: number + 1])} "
    return [
        {**tools[0], "function": {**function, "description": text_ + function["description"]}},
        *tools[1:],
    ]


APPLICATIONS: dict[str, Application] = {
    "growing": growing,
    "questions": questions,
    "one-offs": one_offs,
    "short": short,
    **{
        f"{kind} at {place}": volatile_in(place, kind)
        for kind in ("timestamp", "uuid", "number")
        for place in ("the top", "the middle", "the end", "a tool")
    },
    "several values": several_volatile,
    "tools rotated": tools_that(_rotated, "tools[0]", "reordered"),
    "tools fewer": tools_that(_fewer, "tools[0]", "removed"),
    "tools more": tools_that(_more, "tools[0]", "added"),
    "required reordered": tools_that(
        _other_order("required"), "tools[0].function.parameters.required[0]", "reordered"
    ),
    "enum reordered": tools_that(
        _other_order("enum"), "tools[0].function.parameters.properties[0].enum[0]", "reordered"
    ),
    "a list in a description": tools_that(_described, "tools[0].function.description", "added edited"),
}
