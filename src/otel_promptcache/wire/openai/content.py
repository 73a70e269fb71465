"""What chat messages, response items and tool lists have in common on the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, cast

from otel_promptcache.core.money.usage import MODALITIES, TEXT_ALONE
from otel_promptcache.core.prompt.segments import (
    Block,
    CacheOptions,
    HashValue,
    Role,
    Segment,
    SegmentKind,
    Settings,
)
from otel_promptcache.core.prompt.serial import serial
from otel_promptcache.wire.blocks import MEDIA_BYTES
from otel_promptcache.wire.format import Json, mapping, sequence, string

_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_CACHE_CONTROL = "cache_control"
_MARKERS = ("prompt_cache_breakpoint", _CACHE_CONTROL)
"""OpenAI's own breakpoint, and Anthropic's marker, which gateways accept in this API as well.

Source: OpenRouter, prompt caching; LiteLLM, prompt caching (checked 2026-11-26).
"""
_MEDIA = ("image", "audio", "file", "screenshot")
# How an answer identifies its items is not part of the prompt in which they are sent back.
_IDENTITY = frozenset({"id", "status"})
_NO_CONTENT = _IDENTITY | {_CACHE_CONTROL}
_PLAIN = frozenset({"role", "content", "type", _CACHE_CONTROL, *_IDENTITY})
_TEXTS = frozenset({str, type(None)})
_FEW_MEMBERS = 16
_TEXT_PART = frozenset({"type", "text", *_MARKERS})
_ROLES = {
    "system": Role.DEVELOPER,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def role_of(item: Json) -> Role:
    """Who a message is from; an item that is not a message is the model's, unless it is the result of a tool."""
    name = item.get("role")
    if isinstance(name, str) and (role := _ROLES.get(name)) is not None:
        return role
    kind = string(item.get("type")) or ""
    if kind.endswith("_output"):
        return Role.TOOL
    return Role.COMPACTION if kind == "compaction" else Role.ASSISTANT


def tool_segments(tools: object, path: str) -> Iterator[Segment]:
    """One segment per tool, labelled with its name, in the order of the request."""
    for index, raw_tool in enumerate(sequence(tools)):
        tool = mapping(raw_tool)
        # Chat nests the definition under its type, Responses does not; hosted tools have only a type.
        definition = mapping(tool.get(string(tool.get("type")) or ""))
        names = (definition.get("name"), tool.get("name"), tool.get("server_label"), tool.get("type"))
        label = next((name for name in names if isinstance(name, str)), "")
        segment = Segment(SegmentKind.TOOL, f"{path}[{index}]", raw_tool, label)
        if _CACHE_CONTROL in tool or _CACHE_CONTROL in definition:
            yield _without_marker(segment, tool, definition)
        else:
            yield segment


def _without_marker(segment: Segment, tool: Json, definition: Json) -> Segment:
    """The segment, without the marker, of a tool that is marked at its top level or in its definition."""
    own, inner = _breakpoint_ttl(tool), _breakpoint_ttl(definition)
    value = _plain(tool)
    if _CACHE_CONTROL in definition:
        value[string(tool.get("type")) or ""] = _plain(definition)
    return segment._replace(value=value, breakpoint_ttl=inner if own is None else own)


def tool_block(request: Json, name: str) -> Iterator[Block]:
    """The block for a member of the request that lists tools, if there is one."""
    if tools := request.get(name):
        yield hash((name, serial(tools))), partial(tool_segments, tools, name)


def item_block(kind: SegmentKind, name: str, index: int, item: Json) -> Block:
    """The block for one item of a list."""
    segments = partial(item_segments, kind, name, index, item)
    if len(item) <= _FEW_MEMBERS and _TEXTS.issuperset(
        map(type, item.values())
    ):  # most messages, in a third of the time
        return hash((name, kind, *item.items())), segments
    return hash((name, kind, serial(item))), segments


def item_segments(kind: SegmentKind, name: str, index: int, item: Json) -> Iterable[Segment]:
    """One segment for an item whose content is a string, one per part if it is a list.

    An item without content, such as a function call, or one that has more than a role and content, such as
    an assistant message with tool calls, is one segment as a whole.
    """
    content, path = item.get("content"), f"{name}[{index}]"
    if item.keys() <= _PLAIN:
        ttl = _breakpoint_ttl(item) if _CACHE_CONTROL in item else None
        if isinstance(content, str):
            return (Segment(kind, f"{path}.content", content, "", role_of(item), breakpoint_ttl=ttl),)
        if parts := sequence(content):
            role, last = role_of(item), len(parts) - 1
            return (  # lazily: there may be very many
                _part_segment(
                    kind,
                    f"{path}.content[{index}]",
                    raw_part,
                    role,
                    is_last=index == last,
                    ttl=ttl if index == last else None,
                )
                for index, raw_part in enumerate(parts)
            )
    ends = [_breakpoint_ttl(item)]
    ends += [_breakpoint_ttl(members[-1]) for members in map(sequence, item.values()) if members]
    ttl = next((ttl for ttl in ends if ttl is not None), None)
    modalities = _modalities(part for member in item.values() for part in sequence(member))
    return (Segment(kind, path, _value(item), "", role_of(item), breakpoint_ttl=ttl, modalities=modalities),)


def _value(item: Json) -> Json:
    """An item without what is not part of the prompt: its identity and its breakpoints."""
    if not _NO_CONTENT.isdisjoint(item) or any(map(_is_marked, item.values())):
        return {name: _unmarked(member) for name, member in item.items() if name not in _NO_CONTENT}
    return item


def _part_segment(
    kind: SegmentKind, path: str, raw_part: object, role: Role, *, is_last: bool, ttl: str | None
) -> Segment:
    part = mapping(raw_part)
    own_ttl = _breakpoint_ttl(part)
    (value,) = _unmarked([raw_part])
    if string(part.get("type")) in _TEXT_PARTS and part.keys() <= _TEXT_PART:
        value = part.get("text", "")
    is_media = (string(part.get("type")) or "").endswith(_MEDIA) or part.get("type") == "image_url"
    return Segment(
        kind,
        path,
        value,
        role=role,
        ends_message=is_last,
        breakpoint_ttl=ttl if own_ttl is None else own_ttl,
        size_bytes=MEDIA_BYTES if is_media else None,
        modalities=TEXT_ALONE if isinstance(value, str) else _modalities((part,)),
    )


def _modalities(parts: Iterable[object]) -> frozenset[str]:
    """The `MODALITIES` among the parts of a message, by their types: `input_audio`, `image_url`, `video_url`."""
    types = {string(mapping(part).get("type")) or "" for part in parts}
    return frozenset(modality for modality in MODALITIES if any(modality in each for each in types))


def _breakpoint_ttl(part: object) -> str | None:
    for name in _MARKERS:
        marker = mapping(part).get(name)
        if marker is not None:
            return string(mapping(marker).get("ttl")) or ""
    return None


def _plain(part: Json) -> dict[str, Any]:
    """A part, a message or a tool without its markers."""
    return {name: value for name, value in part.items() if name not in _MARKERS}


def _unmarked(member: Any) -> Any:
    """A list of parts without their breakpoints, which are not part of the prompt; anything else unchanged."""
    if not _is_marked(member):
        return member
    return [_plain(part) if mapping(part) else part for part in member]


def _is_marked(member: Any) -> bool:
    """Whether there is a breakpoint on a part of a list."""
    return isinstance(member, (list, tuple)) and any(
        any(name in mapping(part) for name in _MARKERS) for part in cast("Sequence[object]", member)
    )


def cache_key(request: Json) -> str:
    """A hash of the request's `prompt_cache_key`; empty if it has none."""
    key = request.get("prompt_cache_key")
    if not isinstance(key, str):
        return ""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest() if key else ""


_SETTINGS = frozenset(
    {
        "add_generation_prompt", "add_special_tokens", "cache_salt", "chat_template", "chat_template_kwargs",
        "continue_final_message", "documents", "enable_thinking", "include_reasoning", "mm_processor_kwargs",
        "prompt_cache_isolation_key", "session_id", "thinking", "web_search_options",
    }
)  # fmt: skip
"""Members of a request that are rendered into the prompt, or separate caches, and have no miss reason of their own.

Sources: vLLM, OpenAI-compatible server, extra parameters; SGLang, same; DeepSeek, thinking mode; OpenRouter, sticky
routing; Fireworks, prompt caching (checked 2026-11-25).
"""
_OWN_REASON = frozenset({"effort", "summary", "generate_summary", "exclude"})


def settings(request: Json, hash_value: HashValue) -> Settings:
    """The settings of a request that are part of the rendered prompt, with hashes of their values."""
    names = _SETTINGS.intersection(request)
    if not names and not request.get("reasoning"):
        return ()
    found = [(name, hash_value(serial(request[name]))) for name in names]
    # The effort has a miss reason of its own; how the reasoning is reported is not part of the prompt.
    reasoning = {
        name: value for name, value in mapping(request.get("reasoning")).items() if name not in _OWN_REASON
    }
    if reasoning:
        found.append(("reasoning", hash_value(serial(reasoning))))
    return tuple(sorted(found))


def cache_options(request: Json) -> CacheOptions:
    """What a request asks of the cache.

    Source: openai 3.51.0, PromptCacheOptions in `types/responses/response_create_params.py` (checked
    2026-11-20).
    """
    options = mapping(request.get("prompt_cache_options"))
    return CacheOptions(
        is_explicit=options.get("mode") == "explicit",
        ttl=string(options.get("ttl")) or "",
        retention=string(request.get("prompt_cache_retention")) or "",
        is_continued=has_unknown_start(request),
    )


def has_unknown_start(request: Json) -> bool:
    """Whether the provider inserts, at the start or in between, content that the request only references."""
    return bool(
        request.get("previous_response_id")
        or request.get("conversation")
        or mapping(request.get("prompt"))  # a stored prompt; that of the older completions is a string
        or any(mapping(item).get("type") == "item_reference" for item in sequence(request.get("input")))
    )
