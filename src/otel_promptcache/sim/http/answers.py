"""What the simulated model answers: filler text, JSON that satisfies a schema, or a tool call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otel_promptcache.sim.cache.tokens import filler_text, tokenize
from otel_promptcache.sim.http.wire import (
    JsonObject,
    as_int,
    as_list,
    as_object,
    as_text,
    compact_json,
    objects,
)

_MAX_SCHEMA_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, in the pieces it is streamed in.

    Attributes:
        pieces: Tokens of the text, or of the tool call's arguments.
        tool_name: The function called; None for text.
        truncated: Whether it ran into the output limit.
    """

    pieces: tuple[str, ...]
    tool_name: str | None = None
    truncated: bool = False

    @property
    def text(self) -> str:
        """The whole text, or the whole arguments."""
        return "".join(self.pieces)

    def cut(self, max_tokens: int) -> Answer:
        """Return the answer cut to an output limit."""
        if len(self.pieces) <= max_tokens:
            return self
        return Answer(self.pieces[:max_tokens], self.tool_name, truncated=True)


def text_answer(tokens: int, seed: str) -> Answer:
    """Return filler text of that many tokens, the same for the same seed."""
    return Answer(tuple(tokenize(filler_text(tokens, seed))))


def json_answer(text_format: JsonObject) -> Answer | None:
    """Return an answer in the JSON format a request requires, None if it requires none.

    Args:
        text_format: `response_format` of Chat Completions, or `text.format` of Responses.
    """
    kind = text_format.get("type")
    if kind == "json_object":
        return Answer(tuple(tokenize('{"answer":"ok"}')))
    if kind != "json_schema":
        return None
    # Chat Completions nests the schema one level deeper than Responses.
    holder = as_object(text_format.get("json_schema")) or text_format
    schema = as_object(holder.get("schema")) or {}
    return Answer(tuple(tokenize(compact_json(example(schema)))))


def tool_answer(tools: list[JsonObject], tool_choice: Any) -> Answer | None:
    """Return a call of the tool that a request forces, None if it forces none.

    Args:
        tools: The request's tools, in the nesting of either API. Only functions can be called.
        tool_choice: `required`, a named function, or `allowed_tools` in mode `required`.
    """
    functions = [as_object(tool.get("function")) or tool for tool in tools if tool.get("type") == "function"]
    wanted = _forced_names(tool_choice, [as_text(one.get("name")) or "" for one in functions])
    for function in functions:
        name = as_text(function.get("name"))
        if name is not None and name in wanted:
            arguments = example(as_object(function.get("parameters")) or {})
            return Answer(tuple(tokenize(compact_json(arguments))), tool_name=name)
    return None


def choose_answer(body: JsonObject, text_format: Any, *, seed: str, text_tokens: int) -> Answer:
    """Return what the model answers: the forced tool call, the required JSON, or text.

    Args:
        body: The request; its `tools` and `tool_choice` are read.
        text_format: The required output format.
        seed: Equal seeds give equal text.
        text_tokens: Length of a text answer.
    """
    return (
        tool_answer(objects(body.get("tools")), body.get("tool_choice"))
        or json_answer(as_object(text_format) or {})
        or text_answer(text_tokens, seed)
    )


def example(schema: JsonObject) -> Any:
    """Return a minimal value that satisfies a simple JSON schema.

    Objects get all their properties, arrays their `minItems`, strings the text `text`. References into
    `$defs` are followed; patterns, formats and `not` are ignored.
    """
    return _example(schema, schema, 0)


def _forced_names(tool_choice: Any, names: list[str]) -> list[str]:
    if tool_choice == "required":
        return names
    choice = as_object(tool_choice) or {}
    if choice.get("type") == "function":
        named = as_object(choice.get("function")) or choice
        return [as_text(named.get("name")) or ""]
    if choice.get("type") == "allowed_tools":
        allowed = as_object(choice.get("allowed_tools")) or choice
        if allowed.get("mode") == "required":
            tools = objects(allowed.get("tools"))
            return [as_text((as_object(one.get("function")) or one).get("name")) or "" for one in tools]
    return []


def _example(schema: JsonObject, root: JsonObject, depth: int) -> Any:  # one return per kind
    if depth > _MAX_SCHEMA_DEPTH:
        return None
    reference = as_text(schema.get("$ref"))
    if reference is not None:
        return _example(_resolve(reference, root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    choices = as_list(schema.get("enum"))
    if choices:
        return choices[0]
    for name in ("anyOf", "oneOf"):
        variants = objects(schema.get(name))
        if variants:
            return _example(variants[0], root, depth + 1)
    merged = dict(schema)
    for part in objects(schema.get("allOf")):
        resolved = _resolve(as_text(part.get("$ref")) or "", root) if "$ref" in part else part
        merged = {**merged, **resolved}
    return _typed_example(merged, root, depth)


def _typed_example(schema: JsonObject, root: JsonObject, depth: int) -> Any:
    kinds = as_list(schema.get("type"))
    kind = kinds[0] if kinds else schema.get("type")
    if kind == "object" or (kind is None and "properties" in schema):
        properties = as_object(schema.get("properties")) or {}
        return {name: _example(as_object(one) or {}, root, depth + 1) for name, one in properties.items()}
    if kind == "array":
        item = as_object(schema.get("items")) or {}
        return [_example(item, root, depth + 1) for _ in range(as_int(schema.get("minItems")) or 0)]
    if kind == "string":
        return "text".ljust(as_int(schema.get("minLength")) or 0, "x")[: as_int(schema.get("maxLength"))]
    minimum = schema.get("minimum", 0)
    return {"integer": minimum, "number": minimum, "boolean": True, "null": None}.get(str(kind), {})


def _resolve(reference: str, root: JsonObject) -> JsonObject:
    target: JsonObject | None = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step and target is not None:
            target = as_object(target.get(step))
    return target or {}
