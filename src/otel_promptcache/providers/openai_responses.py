"""`POST /responses` and `POST /responses/compact`, of the stable and of the beta API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.prompt import Block, CacheScope, Role, SegmentKind, tier_name
from otel_promptcache.core.usage import TokenUsage
from otel_promptcache.providers.base import Json, WireFormat, mapping, sequence, string
from otel_promptcache.providers.openai_content import (
    cache_key,
    has_unknown_start,
    item_block,
    text_block,
    tool_block,
)
from otel_promptcache.providers.openai_usage import read_usage

_INSTRUCTION_ROLES = frozenset({"system", "developer"})
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
        if kind is SegmentKind.INSTRUCTIONS and item.get("role") not in _INSTRUCTION_ROLES:
            kind = SegmentKind.ITEM
        yield item_block(kind, "input", index, item)


def _scope(request: Json) -> CacheScope:
    return CacheScope(
        cache_key=cache_key(request),
        service_tier=tier_name(string(request.get("service_tier"))),
        reasoning_effort=string(mapping(request.get("reasoning")).get("effort")) or "",
        verbosity=string(mapping(request.get("text")).get("verbosity")) or "",
        parallel_tool_calls=request.get("parallel_tool_calls") is not False,
    )


def _diagnosis(response: Json) -> ProviderDiagnosis | None:
    """The provider's own word, where the request asked for it.

    Source: openai 3.51.0, PromptCacheDiagnostics in `types/responses/response.py` (checked 2026-11-20).
    """
    said = mapping(response.get("prompt_cache_diagnostics"))
    reason, tokens = string(said.get("reason")), said.get("cache_missed_tokens")
    if said.get("type") != "cache_miss" or reason is None:
        return None
    return ProviderDiagnosis(reason, tokens if type(tokens) is int and tokens >= 0 else None)


def _response_object(message: Json) -> Json:
    """The response inside a stream event; a plain response is itself."""
    return mapping(message["response"]) if "response" in message else message


def _reply(message: Json) -> Reply:
    if message.get("type") == "error":
        return Reply(error_type=string(message.get("code")) or "APIError")
    response = _response_object(message)
    incomplete = mapping(response.get("incomplete_details")).get("reason")
    status = string(response.get("status"))
    is_failed = status == "failed"
    return Reply(
        response_id=string(response.get("id")),
        model=string(response.get("model")),
        service_tier=string(response.get("service_tier")),
        finish_reasons=(string(incomplete) or status,) if status in ("completed", "incomplete") else None,
        error_type=(string(mapping(response.get("error")).get("code")) or "failed") if is_failed else None,
        diagnosis=_diagnosis(response),
    )


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
    reply=_reply,
    usage=_usage,
    has_token=_has_token,
    is_terminal=_is_terminal,
    late_events=re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"'),
)

RESPONSES = replace(COMPACT, has_diagnostics=True)
