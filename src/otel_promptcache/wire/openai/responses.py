"""`POST /responses` and `POST /responses/compact`, of the stable and of the beta API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from otel_promptcache.core.exchange import Progress, ProviderDiagnosis, Reply
from otel_promptcache.core.money.usage import is_token_count
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
from otel_promptcache.wire.openai.additions import ask_why
from otel_promptcache.wire.openai.content import (
    cache_key,
    cache_options,
    has_unknown_start,
    item_block,
    settings,
    tool_block,
)
from otel_promptcache.wire.openai.usage import reported_usage

_INSTRUCTION_ROLES = frozenset({"system", "developer"})
_FINISHED = frozenset({"completed", "incomplete"})
_PROGRESS = {
    "queued": Progress.PENDING,
    "in_progress": Progress.PENDING,
    "cancelled": Progress.CANCELLED,
}
_ERROR = "APIError"
"""For an error without a code: the SDK's exception that the caller sees."""
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
    )


def _diagnosis(response: Json) -> ProviderDiagnosis | None:
    """The provider's own diagnosis, if the request asked for it.

    Source: openai 3.51.0, PromptCacheDiagnostics in `types/responses/response.py` (checked 2026-11-20).
    """
    said = mapping(response.get("prompt_cache_diagnostics"))
    reason, tokens = word(said.get("reason")), said.get("cache_missed_tokens")
    if said.get("type") != "cache_miss" or reason is None:
        return None
    return ProviderDiagnosis(reason, tokens if is_token_count(tokens) else None)


def _read(message: Json) -> AnswerPart:
    kind = message.get("type")
    if kind == "error":
        return AnswerPart(Reply(error_type=word(message.get("code")) or _ERROR), is_terminal=True)
    is_event = "response" in message
    response = mapping(message["response"]) if is_event else message
    usage, invalid_usage = reported_usage(response, input_name="input", output_name="output")
    return AnswerPart(
        _reply(response, is_event=is_event),
        usage,
        invalid_usage,
        # All pieces of output come as `response.<what>.delta` with the piece in `delta`.
        has_token=isinstance(kind, str) and kind.endswith(".delta") and bool(message.get("delta")),
        is_terminal=isinstance(kind, str) and kind in _TERMINAL_EVENTS,
    )


def _reply(response: Json, *, is_event: bool) -> Reply:
    status, raw_usage = word(response.get("status")), response.get("usage")
    finish_reason = word(mapping(response.get("incomplete_details")).get("reason")) or status
    return Reply(
        response_id=string(response.get("id"), MAX_ID_CHARS),
        model=string(response.get("model")),
        service_tier=word(response.get("service_tier")),
        cost_usd=stated_cost(cast("Json", raw_usage)) if type(raw_usage) is dict else None,
        upstream=string(response.get("provider")),  # OpenRouter says who served it
        finish_reasons={0: finish_reason} if status in _FINISHED and finish_reason else None,
        progress=None if status is None else _progress(status, is_event=is_event),
        error_type=_error_type(response, status),
        diagnosis=_diagnosis(response),
    )


def _progress(status: str, *, is_event: bool) -> Progress:
    # A stream that says `in_progress` is being answered; a whole response that says so will be fetched later.
    if status == "in_progress" and is_event:
        return Progress.UNDER_WAY
    return _PROGRESS.get(status, Progress.ENDED)


def _error_type(response: Json, status: str | None) -> str | None:
    error = response.get("error")
    if status != "failed" and not error:
        return None
    return word(mapping(error).get("code")) or ("failed" if status == "failed" else _ERROR)


COMPACT = WireFormat(
    operation="chat",
    api_type="responses",
    blocks=_blocks,
    scope=_scope,
    settings=settings,
    options=cache_options,
    read_answer=_read,
    late_events=re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"'),
)

RESPONSES = replace(COMPACT, ask_why=ask_why)
