"""`POST /responses` and `POST /responses/compact`, of the stable and of the beta API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.money.usage import TokenUsage, is_token_count
from otel_promptcache.core.prompt.segments import Block, CacheScope, Role, SegmentKind, tier_name
from otel_promptcache.wire.content import (
    cache_key,
    cache_options,
    has_unknown_start,
    item_block,
    settings,
    text_block,
    tool_block,
)
from otel_promptcache.wire.format import MAX_ID_CHARS, Json, WireFormat, mapping, sequence, string, word
from otel_promptcache.wire.usage import read_usage

_INSTRUCTION_ROLES = frozenset({"system", "developer"})
_FINISHED = frozenset({"completed", "incomplete"})
_PENDING = frozenset({"queued", "cancelled"})
_ERROR = "APIError"
"""For an error without a code: what the caller gets to see is the SDK's exception of this name."""
_TERMINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


def _blocks(request: Json) -> Iterator[Block]:
    yield from tool_block(request, "tools")
    text_format = mapping(request.get("text")).get("format")
    if text_format and text_format != {"type": "text"}:
        yield text_block(SegmentKind.FORMAT, "text.format", text_format, Role.DEVELOPER)
    if instructions := request.get("instructions"):
        yield text_block(SegmentKind.INSTRUCTIONS, "instructions", instructions, Role.DEVELOPER)
    items = request.get("input")
    if isinstance(items, str):
        yield text_block(SegmentKind.ITEM, "input", items, Role.USER)
        return
    kind = SegmentKind.ITEM if has_unknown_start(request) else SegmentKind.INSTRUCTIONS
    for index, raw_item in enumerate(sequence(items)):
        item = mapping(raw_item)
        if kind is SegmentKind.INSTRUCTIONS and string(item.get("role")) not in _INSTRUCTION_ROLES:
            kind = SegmentKind.ITEM
        yield item_block(kind, "input", index, item)


def _scope(request: Json) -> CacheScope:
    return CacheScope(
        cache_key=cache_key(request),
        service_tier=tier_name(string(request.get("service_tier"))),
        reasoning_effort=string(mapping(request.get("reasoning")).get("effort")) or "",
        verbosity=string(mapping(request.get("text")).get("verbosity")) or "",
        parallel_tool_calls=request.get("parallel_tool_calls") is not False,
        settings=settings(request),
    )


def _diagnosis(response: Json) -> ProviderDiagnosis | None:
    """The provider's own word, if the request asked for it.

    Source: openai 3.51.0, PromptCacheDiagnostics in `types/responses/response.py` (checked 2026-11-20).
    """
    said = mapping(response.get("prompt_cache_diagnostics"))
    reason, tokens = word(said.get("reason")), said.get("cache_missed_tokens")
    if said.get("type") != "cache_miss" or reason is None:
        return None
    return ProviderDiagnosis(reason, tokens if is_token_count(tokens) else None)


def _response_object(message: Json) -> Json:
    """The response inside a stream event; a plain response is itself."""
    return mapping(message["response"]) if "response" in message else message


def _reply(message: Json) -> Reply:
    if message.get("type") == "error":
        return Reply(error_type=word(message.get("code")) or _ERROR)
    response = _response_object(message)
    status = word(response.get("status"))
    finish_reason = word(mapping(response.get("incomplete_details")).get("reason")) or status
    return Reply(
        response_id=string(response.get("id"), MAX_ID_CHARS),
        model=string(response.get("model")),
        service_tier=word(response.get("service_tier")),
        upstream=string(response.get("provider")),  # of OpenRouter: who served it
        finish_reasons={0: finish_reason} if status in _FINISHED and finish_reason else None,
        is_pending=_is_pending(message, status),
        error_type=_error_type(response, status),
        diagnosis=_diagnosis(response),
    )


def _is_pending(message: Json, status: str | None) -> bool | None:
    if status is None:
        return None
    # A stream that says `in_progress` is being answered; a whole response that says so is to be fetched later.
    return status in _PENDING or (status == "in_progress" and "response" not in message)


def _error_type(response: Json, status: str | None) -> str | None:
    error = response.get("error")
    if status != "failed" and not error:
        return None
    return word(mapping(error).get("code")) or ("failed" if status == "failed" else _ERROR)


def _usage(message: Json) -> TokenUsage | None:
    return read_usage(_response_object(message), input_name="input", output_name="output")


def _has_token(event: Json) -> bool:
    # All pieces of output come as `response.<what>.delta` with the piece in `delta`.
    return str(event.get("type")).endswith(".delta") and bool(event.get("delta"))


def _is_terminal(event: Json) -> bool:
    return string(event.get("type")) in _TERMINAL_EVENTS


COMPACT = WireFormat(
    operation="chat",
    api_type="responses",
    blocks=_blocks,
    scope=_scope,
    options=cache_options,
    reply=_reply,
    usage=_usage,
    has_token=_has_token,
    is_terminal=_is_terminal,
    late_events=re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"'),
)

RESPONSES = replace(COMPACT, has_diagnostics=True)
