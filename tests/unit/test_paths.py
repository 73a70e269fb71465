"""Paths contain numbers and the words of the wire formats, but no name that an application made up."""

from __future__ import annotations

import gc
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.prompt.paths import MAX_PATH_CHARS, Names, item_path, member_step
from otel_promptcache.core.prompt.pieces import cut
from otel_promptcache.core.prompt.segments import Segment, SegmentKind
from otel_promptcache.report.rules.places import Place, place_of
from tests.unit.prompts import Application, Body, assistant, chat, prose, system, tool, user

CANARY = "patient_canary"


def paths(value: object, *, keeps_names: bool = False) -> list[str]:
    return [part[0] for part in cut(Segment(SegmentKind.TOOL, "", value), keeps_names=keeps_names)]


@pytest.mark.parametrize(
    ("value", "path", "named"),
    [
        ({"function": {"name": "f"}}, ".function.name", ".function.name"),
        ({"parameters": {"properties": {"x": {"type": "string"}}}}, ".parameters.properties[0].type", ".parameters.properties.x.type"),
        ({"parameters": {"properties": {"type": {"type": "string"}}}}, ".parameters.properties[0].type", ".parameters.properties.type.type"),
        ({"parameters": {"properties": {"properties": {"properties": {"type": 1}}}}}, ".parameters.properties[0].properties[0]", ".parameters.properties.properties.properties.type"),
        ({"parameters": {"$defs": {"items": {"items": {"x": 1}}}}}, ".parameters.$defs[0].items[0]", ".parameters.$defs.items.items.x"),
        ({"parameters": {"name": 1}}, ".parameters[0]", ".parameters.name"),
        ({"parameters": {"default": {"type": {"type": 1}}}}, ".parameters.default[0][0]", ".parameters.default.type.type"),
        ({"parameters": {"enum": [{"type": 1}]}}, ".parameters.enum[0][0]", ".parameters.enum[0].type"),
        ({"parameters": {"anyOf": [{"description": "d"}]}}, ".parameters.anyOf[0].description", ".parameters.anyOf[0].description"),
        ({"headers": {"authorization": "x"}}, ".headers[0]", ".headers.authorization"),
        ({"metadata": {"name": "x"}}, ".metadata[0]", ".metadata.name"),
        ({"own": {"name": {"type": 1}}}, "[0][0][0]", ".own.name.type"),
        ({"tool_calls": [{"function": {"arguments": "{}"}}]}, ".tool_calls[0].function.arguments", ".tool_calls[0].function.arguments"),
        ({"parameters": {"properties": {"\ud800": 1}}}, ".parameters.properties[0]", ".parameters.properties.?"),
        ({"parameters": {"properties": {"n" * 1_000: 1}}}, ".parameters.properties[0]", f".parameters.properties.{'n' * 64}…"),
        ({1: 2}, "[0]", ".int"),
    ],
)  # fmt: skip
def test_what_a_path_says(value: object, path: str, named: str) -> None:
    assert paths(value) == [path]
    assert paths(value, keeps_names=True) == [named]


NAMES = st.text(max_size=80) | st.sampled_from(["properties", "type", "items", "name", "metadata"])
VALUES = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_a_path_is_text_of_bounded_length(value: object, keeps_names: bool) -> None:
    for path in paths({"parameters": value}, keeps_names=keeps_names):
        assert len(path.encode()) <= 4 * MAX_PATH_CHARS
        assert len(path) <= MAX_PATH_CHARS


def test_what_stands_too_deep_has_the_path_of_what_it_stands_in() -> None:
    path = "x" * (MAX_PATH_CHARS - 4)
    assert item_path(path, 10) == f"{path}[10]"
    assert item_path(path, 100) == path
    assert member_step(path, Names.WIRE, "name", 0, keeps_names=False)[0] == path


def test_every_path_leads_to_a_place_of_a_report() -> None:
    assert place_of("tools[0].function.parameters.properties[3].description") is Place.TOOL_SCHEMA
    assert place_of("response_format.json_schema.schema.properties[0]") is Place.FORMAT
    assert place_of("messages[0][2]") is Place.OPENING


def request(number: int) -> Body:
    """A request with a canary in everything that can have a name; different for each number."""
    properties = {
        f"{CANARY}_{number}_{each}": {"type": "string", "description": f"d{each}"} for each in range(3)
    }
    schema = {
        "type": "object",
        "properties": properties,
        "$defs": {CANARY: {"type": "null"}},
        CANARY: {CANARY: number},
    }
    call = {"id": "c", "type": "function", "function": {"name": CANARY, "arguments": f'{{"{CANARY}": 1}}'}}
    return chat(
        system(prose(400)),
        {**user(f"Hi {CANARY}"), "name": CANARY},
        {**assistant(""), "tool_calls": [call], CANARY: {CANARY: number}},
        {
            "role": "tool",
            "tool_call_id": CANARY,
            "content": [{"type": "text", "text": CANARY, CANARY: number}],
        },
        tools=[
            tool("a", prose(400, "a")),
            tool(f"{CANARY}_{number}", **schema),
            tool("z", prose(2_000, "z")),
        ],
        response_format={"type": "json_schema", "json_schema": {"name": CANARY, "schema": schema}},
        metadata={CANARY: CANARY},
    )


def held(start: object) -> set[str]:
    """Every reachable string."""
    seen: set[int] = set()
    texts: set[str] = set()
    stack: list[Any] = [start]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, (str, bytes)):
            texts.add(str(one))
        stack += gc.get_referents(one)
        if is_dataclass(one):
            stack += [getattr(one, each.name) for each in fields(one)]
    return texts


def test_no_name_of_an_application_is_held_or_said() -> None:
    application = Application()
    diagnoses = [application.send(request(number)) for number in range(3)]
    pending = application.open(request(4))
    texts = held([application.index, application._hasher, application._fingerprinter, pending, diagnoses])
    assert any("tools[1]" in each for each in texts)
    assert not [each for each in texts if CANARY in each]


def test_names_are_said_where_a_setting_allows_it() -> None:
    application = Application()
    application.send(with_description("old"))
    for keeps_names, step in ((False, "[0]"), (True, f".{CANARY}")):
        examination = application.open(with_description("new"), keeps_names=keeps_names)
        divergence = examination._own.comparison.divergence
        assert divergence.path == f"tools[0].function.parameters.properties{step}.description"
        examination.close()


def with_description(text: str) -> Body:
    properties = {CANARY: {"type": "string", "description": text}}
    return chat(system(prose(400)), tools=[tool("a", properties=properties)])
