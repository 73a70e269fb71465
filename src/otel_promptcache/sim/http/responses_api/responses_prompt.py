"""The prompt of a Responses request: its items, in the order the model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_promptcache.sim.cache.caching_fields import read_marker
from otel_promptcache.sim.cache.content import content_blocks, text_block
from otel_promptcache.sim.cache.policies import CachePolicy, ReasoningContext
from otel_promptcache.sim.cache.prompt import Message, Prompt, Role, Settings
from otel_promptcache.sim.http.chat_api.chat_prompt import format_text
from otel_promptcache.sim.http.errors import invalid_type, invalid_value
from otel_promptcache.sim.http.wire import JsonObject, as_list, as_object, as_text, compact_json, objects

_MESSAGE_ROLES: dict[str, Role] = {
    "system": "developer",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}

_NOT_RENDERED = frozenset({"id", "status", "call_id", "created_by"})


def input_items(value: Any) -> list[JsonObject]:
    """Return a request's `input` as items; a string is one user message, null is nothing.

    Raises:
        ApiError: 400 for anything else.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    items = as_list(value)
    if items is None:
        raise invalid_type("input", "a string or an array of items")
    found = objects(items)
    if len(found) != len(items):
        raise invalid_type("input[]", "an object")
    return found


def responses_prompt(
    body: JsonObject, items: Sequence[JsonObject], first_own_item: int, model: str, policy: CachePolicy
) -> Prompt:
    """Return the prompt of a Responses request.

    Args:
        body: The request.
        items: The whole conversation: items of earlier responses, then those of the request.
        first_own_item: Index of the request's first own item, for the error messages.
        model: The resolved model name.
        policy: Its cache rules, which decide whether breakpoints are allowed.

    Raises:
        ApiError: 400 for malformed items, and for breakpoints where none are allowed.
    """
    tools = objects(body.get("tools"))
    for index, tool in enumerate(tools):
        read_marker(tool, f"tools[{index}]", model, policy, supported=False)
    text = as_object(body.get("text")) or {}
    reasoning = as_object(body.get("reasoning")) or {}
    instructions = as_text(body.get("instructions"))
    messages = [Message("developer", (text_block(instructions),))] if instructions else []
    keep_from = _first_kept_reasoning(items, _reasoning_context(reasoning, policy))
    for index, item in enumerate(items):
        if item.get("type") != "reasoning" or index >= keep_from:
            path = f"input[{index - first_own_item}]"
            messages.append(_item_message(item, path, model, policy))
    return Prompt(
        settings=Settings(
            model=model,
            text_format=format_text(text.get("format")),
            effort=as_text(reasoning.get("effort")) or "",
            verbosity=as_text(text.get("verbosity")) or "medium",
            parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        ),
        tools=tuple(map(compact_json, tools)),
        messages=tuple(messages),
    )


def _reasoning_context(reasoning: JsonObject, policy: CachePolicy) -> ReasoningContext:
    asked = reasoning.get("context")
    if asked == "all_turns":
        return "all_turns"
    return "current_turn" if asked == "current_turn" else policy.reasoning_context


def _first_kept_reasoning(items: Sequence[JsonObject], context: ReasoningContext) -> int:
    """Return the index from which on reasoning items stay in the prompt."""
    if context == "all_turns":
        return 0
    return max((i for i, item in enumerate(items) if item.get("role") == "user"), default=0)


def _item_message(item: JsonObject, path: str, model: str, policy: CachePolicy) -> Message:
    kind = as_text(item.get("type")) or "message"
    if kind == "message":
        role = as_text(item.get("role")) or ""
        if role not in _MESSAGE_ROLES:
            raise invalid_value(f"{path}.role", role, tuple(_MESSAGE_ROLES))
        read_marker(item, path, model, policy, supported=False)
        by_model = role == "assistant"
        blocks = content_blocks(item.get("content"), f"{path}.content", model, policy, by_model=by_model)
        return Message(_MESSAGE_ROLES[role], tuple(blocks))
    read_marker(item, path, model, policy, supported=False)
    if kind.endswith("_call_output"):
        return Message("tool", tuple(content_blocks(item.get("output"), f"{path}.output", model, policy)))
    rendered = compact_json({k: v for k, v in item.items() if k not in _NOT_RENDERED})
    by_model = kind.endswith("_call") or kind == "reasoning"
    return Message("assistant" if by_model else "context", (text_block(rendered),))
