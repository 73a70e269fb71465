"""`POST /responses` and `POST /responses/compact`, of the stable and of the beta API."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.prompt import Segment, SegmentKind
from otel_promptcache.core.usage import TokenUsage
from otel_promptcache.providers.base import Json, WireFormat, mapping, sequence, string
from otel_promptcache.providers.openai_content import content_segments, tool_segments
from otel_promptcache.providers.openai_usage import read_usage

_INSTRUCTION_ROLES = frozenset({"system", "developer"})
_TERMINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


def _segments(request: Json) -> Iterator[Segment]:
    yield from tool_segments(request.get("tools"), "tools")
    if text_format := mapping(request.get("text")).get("format"):
        yield Segment(SegmentKind.FORMAT, "text.format", text_format)
    if instructions := request.get("instructions"):
        yield Segment(SegmentKind.INSTRUCTIONS, "instructions", instructions)
    items = request.get("input")
    if isinstance(items, str):
        yield Segment(SegmentKind.ITEM, "input", items)
        return
    is_leading = True
    for index, raw_item in enumerate(sequence(items)):
        item = mapping(raw_item)
        is_leading = is_leading and item.get("role") in _INSTRUCTION_ROLES
        kind = SegmentKind.INSTRUCTIONS if is_leading else SegmentKind.ITEM
        yield from content_segments(kind, f"input[{index}]", item, "content")


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
    )


def _usage(message: Json) -> TokenUsage | None:
    return read_usage(_response_object(message), input_name="input", output_name="output")


def _has_token(event: Json) -> bool:
    # All pieces of output come as `response.<what>.delta` with the piece in `delta`.
    return str(event.get("type")).endswith(".delta") and bool(event.get("delta"))


def _is_terminal(event: Json) -> bool:
    return string(event.get("type")) in _TERMINAL_EVENTS


RESPONSES = WireFormat(
    operation="chat",
    api_type="responses",
    segments=_segments,
    reply=_reply,
    usage=_usage,
    has_token=_has_token,
    is_terminal=_is_terminal,
    late_events=re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"'),
)
