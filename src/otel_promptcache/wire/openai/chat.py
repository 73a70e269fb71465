"""`POST /chat/completions` and the older `POST /completions`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from otel_promptcache.core.exchange import MAX_CHOICES, Reply
from otel_promptcache.core.prompt.segments import Block, CacheScope, Role, SegmentKind, tier_name
from otel_promptcache.wire.blocks import text_block
from otel_promptcache.wire.format import (
    MAX_ID_CHARS,
    AnswerPart,
    Json,
    WireFormat,
    mapping,
    sequence,
    string,
    word,
)
from otel_promptcache.wire.gateways import stated_cost
from otel_promptcache.wire.openai.content import (
    cache_key,
    cache_options,
    item_block,
    settings,
    tool_block,
)
from otel_promptcache.wire.openai.usage import reported_usage

_INSTRUCTION_ROLES = frozenset({"system", "developer"})

# The official names first, then those of servers that stream their reasoning.
_DELTA_MEMBERS = (
    "content", "refusal", "tool_calls", "function_call", "audio", "reasoning_content", "reasoning",
)  # fmt: skip


_LATE_EVENTS = re.compile(rb'"usage"\s*:\s*[^\sn]|"error"|"finish_reason"\s*:\s*"')


def _chat_blocks(request: Json) -> Iterator[Block]:
    yield from tool_block(request, "tools")
    yield from tool_block(request, "functions")
    response_format = request.get("response_format")
    if response_format and response_format != {"type": "text"}:
        yield text_block(SegmentKind.FORMAT, "response_format", response_format, Role.DEVELOPER)
    kind = SegmentKind.INSTRUCTIONS
    messages = sequence(request.get("messages"))
    # Gateways to Anthropic take it for a marker on the last message.
    marker = mapping(request["cache_control"]) if "cache_control" in request else None
    for index, raw_message in enumerate(messages):
        message = mapping(raw_message)
        if marker and index == len(messages) - 1:
            message = {"cache_control": marker, **message}
        if kind is SegmentKind.INSTRUCTIONS and string(message.get("role")) not in _INSTRUCTION_ROLES:
            kind = SegmentKind.ITEM
        yield item_block(kind, "messages", index, message)


def _scope(request: Json) -> CacheScope:
    return CacheScope(
        cache_key=cache_key(request),
        service_tier=tier_name(string(request.get("service_tier"))),
        reasoning_effort=string(request.get("reasoning_effort")) or "",
        verbosity=string(request.get("verbosity")) or "",
        parallel_tool_calls=request.get("parallel_tool_calls") is not False,
    )


def _completion_blocks(request: Json) -> Iterator[Block]:
    prompt = request.get("prompt")
    if isinstance(prompt, str):
        yield text_block(SegmentKind.ITEM, "prompt", prompt, Role.USER)
        return
    for index, part in enumerate(sequence(prompt)):
        yield text_block(SegmentKind.ITEM, f"prompt[{index}]", part, Role.USER)


def _read(message: Json) -> AnswerPart:
    usage, invalid_usage = reported_usage(message, input_name="prompt", output_name="completion")
    has_error, raw_usage = bool(message.get("error")), message.get("usage")
    finish_reasons, has_token = _read_choices(message)
    reply = Reply(
        response_id=string(message.get("id"), MAX_ID_CHARS),
        model=string(message.get("model")),
        service_tier=word(message.get("service_tier")),
        cost_usd=stated_cost(cast("Json", raw_usage)) if type(raw_usage) is dict else None,
        upstream=string(message.get("provider")),  # OpenRouter says who served it
        finish_reasons=finish_reasons or None,
        # For an error mid-stream, the caller sees the SDK's APIError. Routers report that of an upstream in a choice.
        error_type="APIError" if has_error or "error" in finish_reasons.values() else None,
    )
    # A good stream ends with [DONE], which is not JSON; an error ends it immediately.
    return AnswerPart(reply, usage, invalid_usage, has_token, is_terminal=has_error)


def _read_choices(message: Json) -> tuple[dict[int, str], bool]:
    """Why each choice ended, and whether any of them carries output: in a chat's `delta`, or in `text`."""
    reasons: dict[int, str] = {}
    has_token = False
    for position, raw_choice in enumerate(sequence(message.get("choices"))):
        choice = mapping(raw_choice)
        delta = choice.get("delta")
        if not has_token:
            is_delta = type(delta) is dict and any(map(cast("Json", delta).get, _DELTA_MEMBERS))
            has_token = is_delta or bool(choice.get("text"))
        if position < MAX_CHOICES and (reason := word(choice.get("finish_reason"))):
            index = choice.get("index")
            reasons[index if type(index) is int and 0 <= index < MAX_CHOICES else position] = reason
    return reasons, has_token


CHAT_COMPLETIONS = WireFormat(
    operation="chat",
    api_type="chat_completions",
    blocks=_chat_blocks,
    scope=_scope,
    settings=settings,
    options=cache_options,
    read_answer=_read,
    late_events=_LATE_EVENTS,
    usage_needs_include_usage=True,
)

COMPLETIONS = WireFormat(
    operation="text_completion",
    api_type=None,
    blocks=_completion_blocks,
    scope=_scope,
    settings=settings,
    options=cache_options,
    read_answer=_read,
    late_events=_LATE_EVENTS,
    usage_needs_include_usage=True,
)
