"""The `cache_control` of a Messages request: which blocks it marks, for how long, and the blocks without it."""

from __future__ import annotations

from typing import NamedTuple

from otel_promptcache.wire.anthropic.thinking import is_thinking
from otel_promptcache.wire.format import Json, mapping, sequence, string

MARKER = "cache_control"
_DEFAULT_TTL = "5m"


class AutomaticMarker(NamedTuple):
    """The block that a marker at the top level of a request stands for."""

    message: int
    """Index of its message."""
    block: int
    """Index in the content of the message; 0 if that is a string."""
    ttl: str


def marker_ttl(block: Json) -> str | None:
    """The lifetime that a marker names, or the default if it names none; None without a marker.

    Source: Anthropic, prompt caching, 1-hour cache duration (checked 2026-11-26).
    """
    marker = mapping(block.get(MARKER))
    return (string(marker.get("ttl")) or _DEFAULT_TTL) if marker else None


def block_ttl(block: Json) -> str | None:
    """The same for a block, or for a part of a tool's result."""
    ttl = marker_ttl(block)
    if ttl is not None or block.get("type") != "tool_result":
        return ttl
    parts = map(marker_ttl, map(mapping, sequence(block.get("content"))))
    return next((each for each in parts if each is not None), None)


def automatic_marker(request: Json) -> AutomaticMarker | None:
    """The last block of the messages that can be marked, if the request asks for that; else None.

    Source: Anthropic, prompt caching, automatic caching (checked 2026-11-26).
    """
    ttl = marker_ttl(request)
    if ttl is None:
        return None
    messages = sequence(request.get("messages"))
    for index in range(len(messages) - 1, -1, -1):
        content = mapping(messages[index]).get("content")
        if isinstance(content, str) and content:
            return AutomaticMarker(index, 0, ttl)
        blocks = sequence(content)
        for position in range(len(blocks) - 1, -1, -1):
            if _can_be_marked(mapping(blocks[position])):
                return AutomaticMarker(index, position, ttl)
    return None


def unmarked(block: Json) -> Json:
    """A block without its markers, which are not part of the prompt."""
    parts = sequence(block.get("content")) if block.get("type") == "tool_result" else ()
    if any(MARKER in mapping(part) for part in parts):
        block = {**block, "content": [unmarked(part) if mapping(part) else part for part in parts]}
    if MARKER not in block:
        return block
    return {name: member for name, member in block.items() if name != MARKER}


def _can_be_marked(block: Json) -> bool:
    kind = block.get("type")
    return not is_thinking(block) if isinstance(kind, str) and kind != "text" else bool(block.get("text"))
