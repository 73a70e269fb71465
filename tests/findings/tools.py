"""Flaws of tools and output formats, and their remedies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_promptcache.report.rules import snippets
from tests.findings.loop import TOOLS, App, Loop, fill
from tests.findings.prompts import NAMES, TIMES
from tests.unit.prompts import Body, prose, tool, user

FIELDS = ("origin", "target", "weight", "carrier")


def with_tools(tools: Callable[[int], Body]) -> Callable[[App], None]:
    """Requests with the tools, and other members, that a function returns for each."""

    def traffic(app: App) -> None:
        for number in range(8):
            app.chat(app.rules(), user(f"Question of {NAMES[number]}?"), **tools(number))

    return traffic


def _shuffled(number: int) -> list[Body]:
    return TOOLS[number % 4 :] + TOOLS[: number % 4]


def _schema(number: int) -> Body:
    fields = FIELDS[number % 4 :] + FIELDS[: number % 4]
    properties = {name: {"type": "string", "description": prose(40, name)} for name in fields}
    return {"type": "object", "properties": properties, "required": list(fields)}


def _book(schema: Body) -> list[Body]:
    function = {"name": "book", "description": "Books.", "parameters": schema}
    return [{"type": "function", "function": function}, *TOOLS]


def _skills(number: int) -> str:
    return "".join(f"Skill {name}: {prose(20, name)}\n" for name in NAMES[: number + 1])


def _described(text: str) -> list[Body]:
    return [tool("use", f"Uses a skill.\n{text}Mind the rules."), *TOOLS]


def _answer(number: int) -> Body:
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in _schema(number)["required"]},
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _with_question(text: Callable[[int], str], tools: Any) -> Callable[[App], None]:
    def traffic(app: App) -> None:
        for number in range(8):
            app.chat(app.rules(), user(f"{text(number)}Question of {NAMES[number]}?"), tools=tools)

    return traffic


TOOL_LOOPS: dict[str, Loop] = {
    "tools-reordered": Loop(
        flawed=with_tools(lambda number: {"tools": _shuffled(number)}),
        fixed=with_tools(lambda number: fill(snippets.SORTED_TOOLS, TOOLS=_shuffled(number))),
    ),
    "tools-come-and-go": Loop(
        flawed=with_tools(lambda number: {"tools": TOOLS[number % 3 :]}),
        fixed=with_tools(
            lambda number: fill(
                snippets.ALLOWED_TOOLS,
                ALL_TOOLS=TOOLS,
                NAMES=[each["function"]["name"] for each in TOOLS[number % 3 :]],
            )
        ),
    ),
    "schema-reordered": Loop(
        flawed=with_tools(lambda number: {"tools": _book(_schema(number))}),
        fixed=with_tools(
            lambda number: {"tools": _book(fill(snippets.SORTED_SCHEMA, SCHEMA=_schema(number)))}
        ),
    ),
    "tool-text-changes": Loop(
        flawed=with_tools(lambda number: {"tools": _described(_skills(number))}),
        fixed=_with_question(_skills, _described("")),
    ),
    "tools-volatile": Loop(
        flawed=with_tools(lambda number: {"tools": _described(f"The time is {TIMES[number]}.\n")}),
        fixed=_with_question(lambda number: f"The time is {TIMES[number]}. ", _described("")),
    ),
    "tools-changed": Loop(
        flawed=with_tools(lambda number: {"tools": _described(f"Made for {NAMES[number]}.\n")}),
        fixed=_with_question(lambda number: f"For {NAMES[number]}. ", _described("")),
    ),
    "format-changed": Loop(
        flawed=with_tools(lambda number: {"response_format": _answer(number)}),
        fixed=with_tools(lambda _: {"response_format": _answer(0)}),
    ),
}
