"""`POST /chat/completions` and the older `POST /completions`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from otel_promptcache.core.exchange import MAX_CHOICES, Reply
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.segments import Block, CacheScope, Role, SegmentKind, tier_name
from otel_promptcache.wire.content import (
    cache_key,
    cache_options,
    item_block,
    settings,
    text_block,
    tool_block,
)
from otel_promptcache.wire.format import MAX_ID_CHARS, Json, WireFormat, mapping, sequence, string, word
from otel_promptcache.wire.usage import read_usage, stated_cost

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
    for index, raw_message in enumerate(sequence(request.get("messages"))):
        message = mapping(raw_message)
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
        settings=settings(request),
    )


def _completion_blocks(request: Json) -> Iterator[Block]:
    prompt = request.get("prompt")
    if isinstance(prompt, str):
        yield text_block(SegmentKind.ITEM, "prompt", prompt, Role.USER)
        return
    for index, part in enumerate(sequence(prompt)):
        yield text_block(SegmentKind.ITEM, f"prompt[{index}]", part, Role.USER)


def _reply(response: Json) -> Reply:
    usage = response.get("usage")
    return Reply(
        response_id=string(response.get("id"), MAX_ID_CHARS),
        model=string(response.get("model")),
        service_tier=word(response.get("service_tier")),
        cost_usd=stated_cost(cast("Json", usage)) if type(usage) is dict and "cost" in usage else None,
        upstream=string(response.get("provider")),  # of OpenRouter: who served it
        finish_reasons=_finish_reasons(response) or None,
        # What the caller gets to see for an error in mid-stream is the SDK's APIError.
        error_type="APIError" if response.get("error") else None,
    )


def _finish_reasons(response: Json) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for position, raw_choice in enumerate(sequence(response.get("choices"))[:MAX_CHOICES]):
        choice = mapping(raw_choice)
        if reason := word(choice.get("finish_reason")):
            index = choice.get("index")
            reasons[index if type(index) is int and 0 <= index < MAX_CHOICES else position] = reason
    return reasons


def _usage(response: Json) -> TokenUsage | None:
    return read_usage(response, input_name="prompt", output_name="completion")


def _chat_has_token(event: Json) -> bool:
    for choice in sequence(event.get("choices")):
        delta = mapping(mapping(choice).get("delta"))
        if any(delta.get(member) for member in _DELTA_MEMBERS):
            return True
    return False


def _completion_has_token(event: Json) -> bool:
    return any(mapping(choice).get("text") for choice in sequence(event.get("choices")))


def _is_terminal(event: Json) -> bool:
    # A good stream ends with [DONE], which is not JSON; an error ends it at once.
    return bool(event.get("error"))


CHAT_COMPLETIONS = WireFormat(
    operation="chat",
    api_type="chat_completions",
    blocks=_chat_blocks,
    scope=_scope,
    options=cache_options,
    reply=_reply,
    usage=_usage,
    has_token=_chat_has_token,
    is_terminal=_is_terminal,
    late_events=_LATE_EVENTS,
    usage_needs_include_usage=True,
)

COMPLETIONS = WireFormat(
    operation="text_completion",
    api_type=None,
    blocks=_completion_blocks,
    scope=_scope,
    options=cache_options,
    reply=_reply,
    usage=_usage,
    has_token=_completion_has_token,
    is_terminal=_is_terminal,
    late_events=_LATE_EVENTS,
    usage_needs_include_usage=True,
)
