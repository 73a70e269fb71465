from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.sim.cache.tokens import count_tokens
from otel_promptcache.sim.http.answers import (
    Answer,
    choose_answer,
    example,
    json_answer,
    text_answer,
    tool_answer,
)

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
FLAT_TOOL = {"type": "function", "name": "g", "parameters": {"properties": {"n": {"type": "integer"}}}}


def test_text_has_the_length_asked_for_and_one_token_a_piece() -> None:
    answer = text_answer(16, "seed")
    assert len(answer.pieces) == 16 == count_tokens(answer.text)
    assert answer == text_answer(16, "seed") != text_answer(16, "other")


def test_a_limit_cuts() -> None:
    answer = text_answer(16, "seed")
    assert answer.cut(16) is answer
    cut = answer.cut(5)
    assert (len(cut.pieces), cut.truncated) == (5, True)
    assert answer.text.startswith(cut.text)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "f"),
        ({"type": "function", "function": {"name": "g"}}, "g"),
        ({"type": "function", "name": "g"}, "g"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}, "g"),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
            "f",
        ),
        ("auto", None),
        ("none", None),
        (None, None),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"name": "g"}]}, None),
        ({"type": "function", "name": "unknown"}, None),
        ({"type": "web_search"}, None),
    ],
)
def test_only_a_forced_tool_is_called(choice: Any, name: str | None) -> None:
    answer = tool_answer([{"type": "web_search"}, TOOL, FLAT_TOOL], choice)
    assert (answer.tool_name if answer else None) == name


def test_arguments_satisfy_the_parameters() -> None:
    assert tool_answer([FLAT_TOOL], "required") == Answer(('{"', "n", '":', "0", "}"), tool_name="g")


def test_a_forced_tool_wins_over_a_format_and_a_format_over_text() -> None:
    json_object = {"type": "json_object"}
    body = {"tools": [TOOL], "tool_choice": "required"}
    assert choose_answer(body, json_object, seed="", text_tokens=5).tool_name == "f"
    assert choose_answer({}, json_object, seed="", text_tokens=5).text == '{"answer":"ok"}'
    assert len(choose_answer({}, None, seed="", text_tokens=5).pieces) == 5


def test_the_schema_of_both_apis_is_found() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}}
    nested = json_answer({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    flat = json_answer({"type": "json_schema", "name": "x", "schema": schema})
    assert nested == flat
    assert flat is not None
    assert flat.text == '{"a":true}'
    assert json_answer({"type": "text"}) is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "integer"}, 0),
        ({"type": "number", "minimum": 2.5}, 2.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["string", "null"]}, "text"),
        ({"enum": ["red", "blue"]}, "red"),
        ({"const": 7}, 7),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"allOf": [{"properties": {"a": {"type": "integer"}}}]}, {"a": 0}),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}, {"a": "text"}),
        ({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "string"}}}, "text"),
        ({"$ref": "#/$defs/missing"}, {}),
        ({}, {}),
    ],
)
def test_examples_satisfy_simple_schemas(schema: dict[str, Any], value: Any) -> None:
    assert example(schema) == value


def test_a_recursive_schema_ends() -> None:
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }
    assert "next" in example(schema)
