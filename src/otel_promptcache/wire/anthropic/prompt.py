"""What of a Messages request is its prompt, what separates caches, and what it asks of the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from otel_promptcache.core.money.usage import TEXT_ALONE
from otel_promptcache.core.prompt.segments import (
    Block,
    CacheOptions,
    CacheScope,
    HashValue,
    Role,
    Segment,
    SegmentKind,
    Settings,
)
from otel_promptcache.core.prompt.serial import serial
from otel_promptcache.wire.blocks import MEDIA_BYTES, text_block
from otel_promptcache.wire.format import Json, mapping, sequence, string

_MARKER = "cache_control"
_TEXT_BLOCK = frozenset({"type", "text", "citations", _MARKER})
_MEDIA = frozenset({"image", "document"})
_IMAGE = frozenset({"image"})
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.DEVELOPER}
_ROLES_OF_BLOCKS = {"tool_result": Role.TOOL, "compaction": Role.COMPACTION}

_SETTINGS = frozenset(
    {
        "context_management", "mcp_servers", "output_config", "output_format", "speed", "thinking", "tool_choice",
    }
)  # fmt: skip
"""Members of a request that are rendered into the prompt, or that entries of the cache depend on.

Source: Anthropic, prompt caching, what invalidates the cache; anthropic 2.14.0,
`types/beta/message_create_params.py` (checked 2026-11-25).
"""
_DEFAULTS: Json = {"tool_choice": {"type": "auto"}, "speed": "standard"}
"""Values that mean the same as leaving the member out."""


def blocks(request: Json) -> Iterator[Block]:
    """The prompt in render order: tools, system, messages.

    Source: Anthropic, prompt caching (checked 2026-11-25).
    """
    if tools := request.get("tools"):
        yield hash(("tools", serial(tools))), partial(_tool_segments, tools)
    system = request.get("system")
    if isinstance(system, str):
        if system:
            yield text_block(SegmentKind.INSTRUCTIONS, "system", system, Role.DEVELOPER)
    else:
        for index, raw_block in enumerate(sequence(system)):
            yield hash(("system", serial(raw_block))), partial(_system_segments, index, raw_block)
    for index, raw_message in enumerate(sequence(request.get("messages"))):
        message = mapping(raw_message)
        role, content = message.get("role"), message.get("content")
        is_text = type(content) is str and type(role) is str
        key = hash(("messages", role, content) if is_text else ("messages", serial(message)))
        yield key, partial(_message_segments, index, message)


def scope(request: Json) -> CacheScope:  # noqa: ARG001  # the format's
    """What separates caches beside the settings: nothing."""
    return CacheScope()


def options(request: Json) -> CacheOptions:
    """What the request asks of the cache.

    A marker at the top level sets one on the last block that can have one. Without it only blocks that are marked
    themselves are written.

    Source: Anthropic, prompt caching, automatic caching; anthropic 2.14.0, BetaThreadContinueParams
    (checked 2026-11-25).
    """
    ttl = _marker_ttl(request)
    return CacheOptions(
        is_explicit=ttl is None,
        ttl=ttl or "",
        is_continued=mapping(request.get("thread")).get("type") == "continue",
    )


def settings(request: Json, hash_value: HashValue) -> Settings:
    """The settings that entries of the cache depend on, with hashes of their values."""
    names = _SETTINGS.intersection(request)
    if not names:
        return ()
    stated = [(name, request[name]) for name in sorted(names)]
    return tuple(
        [
            (name, hash_value(serial(value)))
            for name, value in stated
            if value is not None and (name not in _DEFAULTS or value != _DEFAULTS[name])
        ]
    )


def _tool_segments(tools: object) -> Iterator[Segment]:
    for index, raw_tool in enumerate(sequence(tools)):
        tool = mapping(raw_tool)
        names = (tool.get("name"), tool.get("type"))
        label = next((name for name in names if isinstance(name, str)), "")
        value = _unmarked(tool) if tool else raw_tool
        yield Segment(SegmentKind.TOOL, f"tools[{index}]", value, label, breakpoint_ttl=_marker_ttl(tool))


def _system_segments(index: int, raw_block: object) -> Iterable[Segment]:
    return (_block_segment(SegmentKind.INSTRUCTIONS, f"system[{index}]", raw_block, Role.DEVELOPER),)


def _message_segments(index: int, message: Json) -> Iterable[Segment]:
    """One segment for a message that is a text, one for each block of any other."""
    content, path = message.get("content"), f"messages[{index}].content"
    role = _ROLES.get(string(message.get("role")) or "", Role.USER)
    if isinstance(content, str):
        return (Segment(SegmentKind.ITEM, path, content, role=role),)
    content_blocks = sequence(content)
    last = len(content_blocks) - 1
    return (  # one after the other: there may be very many
        _block_segment(
            SegmentKind.ITEM, f"{path}[{position}]", raw_block, role, ends_message=position == last
        )
        for position, raw_block in enumerate(content_blocks)
    )


def _block_segment(
    kind: SegmentKind, path: str, raw_block: object, role: Role, *, ends_message: bool = True
) -> Segment:
    block = mapping(raw_block)
    type_name = string(block.get("type")) or ""
    value: Any = _unmarked(block) if block else raw_block
    if type_name == "text" and block.keys() <= _TEXT_BLOCK and not block.get("citations"):
        value = block.get("text", "")
    return Segment(
        kind,
        path,
        value,
        role=_ROLES_OF_BLOCKS.get(type_name, role),
        ends_message=ends_message,
        breakpoint_ttl=_block_ttl(block),
        size_bytes=MEDIA_BYTES if type_name in _MEDIA else None,
        modalities=_IMAGE if type_name == "image" else TEXT_ALONE,
    )


def _block_ttl(block: Json) -> str | None:
    """The lifetime that the marker of a block, or of a part of a tool's result, names."""
    ttl = _marker_ttl(block)
    if ttl is not None or block.get("type") != "tool_result":
        return ttl
    parts = map(_marker_ttl, map(mapping, sequence(block.get("content"))))
    return next((each for each in parts if each is not None), None)


def _marker_ttl(block: Json) -> str | None:
    """The lifetime that a marker names, empty if it names none; None without one."""
    marker = mapping(block.get(_MARKER))
    return (string(marker.get("ttl")) or "") if marker else None


def _unmarked(block: Json) -> Json:
    """A block without its markers, which are no part of the prompt."""
    parts = sequence(block.get("content")) if block.get("type") == "tool_result" else ()
    if any(_MARKER in mapping(part) for part in parts):
        block = {**block, "content": [_unmarked(part) if mapping(part) else part for part in parts]}
    if _MARKER not in block:
        return block
    return {name: member for name, member in block.items() if name != _MARKER}
