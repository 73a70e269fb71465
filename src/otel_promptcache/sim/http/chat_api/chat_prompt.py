"""The prompt of a Chat Completions request."""

from __future__ import annotations

from typing import Any

from otel_promptcache.sim.cache.caching_fields import read_marker
from otel_promptcache.sim.cache.content import content_blocks, text_block
from otel_promptcache.sim.cache.policies import CachePolicy
from otel_promptcache.sim.cache.prompt import Message, Prompt, Role, Settings
from otel_promptcache.sim.http.errors import invalid_type, invalid_value, missing_parameter
from otel_promptcache.sim.http.wire import JsonObject, as_list, as_object, as_text, compact_json, objects

_ROLES: dict[str, Role] = {
    "system": "developer",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def chat_prompt(body: JsonObject, model: str, policy: CachePolicy) -> Prompt:
    """Return the prompt of a Chat Completions request.

    Args:
        body: The request.
        model: The resolved model name.
        policy: Its cache rules, which decide whether breakpoints are allowed.

    Raises:
        ApiError: 400 for messages that are missing or malformed, and for breakpoints where none are allowed.
    """
    if "messages" not in body:
        raise missing_parameter("messages")
    messages = as_list(body["messages"])
    if not messages:
        raise invalid_type("messages", "a non-empty array")
    tools = [*objects(body.get("tools")), *objects(body.get("functions"))]
    for index, tool in enumerate(tools):
        read_marker(tool, f"tools[{index}]", model, policy, supported=False)
    return Prompt(
        settings=Settings(
            model=model,
            text_format=format_text(body.get("response_format")),
            effort=as_text(body.get("reasoning_effort")) or "",
            verbosity=as_text(body.get("verbosity")) or "medium",
            parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        ),
        tools=tuple(map(compact_json, tools)),
        messages=tuple(_message(m, f"messages[{i}]", model, policy) for i, m in enumerate(messages)),
    )


def format_text(text_format: Any) -> str:
    """Return an output format as it appears in the prompt; the empty string for plain text."""
    given = as_object(text_format)
    return compact_json(given) if given and given.get("type") != "text" else ""


def _message(value: Any, path: str, model: str, policy: CachePolicy) -> Message:
    message = as_object(value)
    if message is None:
        raise invalid_type(path, "an object")
    role = as_text(message.get("role"))
    if role is None:
        raise missing_parameter(f"{path}.role")
    if role not in _ROLES:
        raise invalid_value(f"{path}.role", role, tuple(_ROLES))
    read_marker(message, path, model, policy, supported=False)
    by_model = role == "assistant"
    blocks = content_blocks(message.get("content"), f"{path}.content", model, policy, by_model=by_model)
    name = as_text(message.get("name"))
    if name:
        blocks.insert(0, text_block(name))
    # Call ids do not reach the model; the names and arguments do.
    for call in objects(message.get("tool_calls")):
        payload = as_object(call.get("function")) or as_object(call.get("custom")) or {}
        blocks.append(text_block(compact_json(payload)))
    legacy_call = as_object(message.get("function_call"))
    if legacy_call is not None:
        blocks.append(text_block(compact_json(legacy_call)))
    return Message(_ROLES[role], tuple(blocks))
