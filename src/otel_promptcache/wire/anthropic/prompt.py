"""Reads from a Messages request its prompt, what separates caches, and what it asks of the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

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
from otel_promptcache.core.prompt.serial import canonical_json, serial
from otel_promptcache.wire.anthropic.markers import (
    MARKER,
    AutomaticMarker,
    automatic_marker,
    block_ttl,
    marker_ttl,
    unmarked,
)
from otel_promptcache.wire.anthropic.thinking import first_with_thinking, has_thinking, is_thinking
from otel_promptcache.wire.blocks import MEDIA_BYTES, text_block
from otel_promptcache.wire.format import Json, mapping, sequence, string

_TEXT_BLOCK = frozenset({"type", "text", "citations", MARKER})
_MEDIA = frozenset({"image", "document"})
_IMAGE = frozenset({"image"})
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.DEVELOPER}
_ROLES_OF_BLOCKS = {"tool_result": Role.TOOL, "compaction": Role.COMPACTION}

_SETTINGS = frozenset(
    {"context_management", "mcp_servers", "output_config", "output_format", "speed", "thinking"}
)
"""Members of a request that all of its prompt may depend on.

Source: Anthropic, prompt caching, what invalidates the cache; anthropic 2.14.0,
`types/beta/message_create_params.py` (checked 2026-11-25).
"""
_DEFAULTS: Json = {
    "tool_choice": {"type": "auto"},
    "speed": "standard",
    "thinking": {"type": "disabled"},
    "output_config": {"effort": "high"},
}
"""Values that mean the same as leaving the member out."""


def blocks(request: Json) -> Iterator[Block]:
    """The prompt in render order: tools, system, messages; each after the settings that take effect from there.

    Toggling citations does not invalidate cached tools. A different `tool_choice` does not invalidate the system prompt
    either, nor does adding the first image or removing the last one.

    Source: Anthropic, prompt caching, what invalidates the cache (checked 2026-11-26).
    """
    messages = sequence(request.get("messages"))
    switches = _switches(messages)
    if tools := request.get("tools"):
        yield hash(("tools", serial(tools))), partial(_tool_segments, tools)
    yield _setting("citations", value=True) if switches.has_citations else _UNSET_CITATIONS
    system = request.get("system")
    if isinstance(system, str):
        if system:
            yield text_block(SegmentKind.INSTRUCTIONS, "system", system, Role.DEVELOPER)
    else:
        for index, raw_block in enumerate(sequence(system)):
            yield _system_key(raw_block), partial(_system_segments, index, raw_block)
    tool_choice = _stated(request, "tool_choice")
    yield _UNSET_TOOL_CHOICE if tool_choice is None else _setting("tool_choice", tool_choice)
    yield _setting("images", value=True) if switches.has_images else _UNSET_IMAGES
    marker = automatic_marker(request) if MARKER in request else None
    first = first_with_thinking(request, messages) if "thinking" in request else 0
    for index, raw_message in enumerate(messages):
        message = mapping(raw_message)
        if index < first and has_thinking(message):
            key = hash(("messages without thinking", serial(message)))
            yield key, partial(_message_segments, index, message, with_thinking=False)
            continue
        if marker is not None and marker.message == index:
            key = hash(("messages", marker.block, marker.ttl, serial(message)))
            yield key, partial(_message_segments, index, message, marker)
            continue
        role, content = message.get("role"), message.get("content")
        is_text = type(content) is str and type(role) is str
        key = hash(("messages", role, content) if is_text else ("messages", serial(message)))
        yield key, partial(_message_segments, index, message)


def scope(request: Json) -> CacheScope:  # noqa: ARG001  # the format's
    """What separates caches besides the settings: nothing."""
    return CacheScope()


def options(request: Json) -> CacheOptions:
    """What the request asks of the cache, besides its markers.

    Source: anthropic 2.14.0, BetaThreadContinueParams (checked 2026-11-25).
    """
    return CacheOptions(is_continued=mapping(request.get("thread")).get("type") == "continue")


def settings(request: Json, hash_value: HashValue) -> Settings:
    """The settings that cache entries depend on, with hashes of their values."""
    names = _SETTINGS.intersection(request)
    if not names:
        return ()
    stated = [(name, _stated(request, name)) for name in sorted(names)]
    return tuple([(name, hash_value(serial(value))) for name, value in stated if value is not None])


def _stated(request: Json, name: str) -> object:
    """The value of a setting; None if it is absent or the default."""
    value: object = request.get(name)
    return None if value == _DEFAULTS.get(name) else value


def _setting(name: str, value: object) -> Block:
    """A setting before what depends on it, present whatever its value, so that prompts can be compared."""
    text = "" if value is None else canonical_json(value)
    segments = (Segment(SegmentKind.SETTING, name, text, size_bytes=0),)
    return hash(("setting", name, text)), lambda: segments


_UNSET_CITATIONS, _UNSET_TOOL_CHOICE, _UNSET_IMAGES = (
    _setting(name, None) for name in ("citations", "tool_choice", "images")
)


class _Switches(NamedTuple):
    """What any message may contain and earlier parts of the prompt depend on."""

    has_images: bool
    has_citations: bool


def _switches(messages: Sequence[object]) -> _Switches:
    has_images = has_citations = False
    for raw_message in messages:
        content = mapping(raw_message).get("content")
        if type(content) is str:
            continue
        for block in map(mapping, sequence(content)):
            kind = block.get("type")
            if kind == "image":
                has_images = True
            elif kind == "document":
                has_citations = has_citations or mapping(block.get("citations")).get("enabled") is True
            elif kind == "tool_result":
                parts = map(mapping, sequence(block.get("content")))
                has_images = has_images or any(part.get("type") == "image" for part in parts)
    return _Switches(has_images, has_citations)


def _tool_segments(tools: object) -> Iterator[Segment]:
    for index, raw_tool in enumerate(sequence(tools)):
        tool = mapping(raw_tool)
        names = (tool.get("name"), tool.get("type"))
        label = next((name for name in names if isinstance(name, str)), "")
        value = unmarked(tool) if tool else raw_tool
        yield Segment(SegmentKind.TOOL, f"tools[{index}]", value, label, breakpoint_ttl=marker_ttl(tool))


def _system_key(raw_block: object) -> int:
    block = mapping(raw_block)
    text = block.get("text")
    if type(text) is str and _is_text_alone(block):
        # No copy: a string that an application keeps has its hash cached.
        return hash(("system", text, marker_ttl(block)))
    return hash(("system", serial(raw_block)))


def _system_segments(index: int, raw_block: object) -> Iterable[Segment]:
    return (_block_segment(SegmentKind.INSTRUCTIONS, f"system[{index}]", raw_block, Role.DEVELOPER),)


def _message_segments(
    index: int, message: Json, marker: AutomaticMarker | None = None, *, with_thinking: bool = True
) -> Iterable[Segment]:
    """One segment for a message that is a string, one per block for any other.

    Args:
        index: Index of the message.
        message: The message.
        marker: The automatic marker, if it is on one of the blocks; None otherwise.
        with_thinking: Its thinking is part of the prompt.
    """
    content, path = message.get("content"), f"messages[{index}].content"
    role = _ROLES.get(string(message.get("role")) or "", Role.USER)
    if isinstance(content, str):
        return (Segment(SegmentKind.ITEM, path, content, role=role, breakpoint_ttl=marker and marker.ttl),)
    content_blocks = sequence(content)
    last = len(content_blocks) - 1
    return (  # lazily: there may be very many
        _block_segment(
            SegmentKind.ITEM,
            f"{path}[{position}]",
            raw_block,
            role,
            ends_message=position == last,
            ttl=marker.ttl if marker is not None and marker.block == position else None,
        )
        for position, raw_block in enumerate(content_blocks)
        if with_thinking or not is_thinking(raw_block)
    )


def _block_segment(
    kind: SegmentKind,
    path: str,
    raw_block: object,
    role: Role,
    *,
    ends_message: bool = True,
    ttl: str | None = None,
) -> Segment:
    block = mapping(raw_block)
    own_ttl = block_ttl(block)
    type_name = string(block.get("type")) or ""
    value: Any = unmarked(block) if block else raw_block
    if _is_text_alone(block):
        value = block.get("text", "")
    return Segment(
        kind,
        path,
        value,
        role=_ROLES_OF_BLOCKS.get(type_name, role),
        ends_message=ends_message,
        breakpoint_ttl=ttl if own_ttl is None else own_ttl,
        size_bytes=MEDIA_BYTES if type_name in _MEDIA else None,
        modalities=_IMAGE if type_name == "image" else TEXT_ALONE,
    )


def _is_text_alone(block: Json) -> bool:
    """Whether a block is a text and perhaps a marker, and nothing else."""
    return block.get("type") == "text" and block.keys() <= _TEXT_BLOCK and not block.get("citations")
