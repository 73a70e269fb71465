"""What chat messages, response items and tool lists have in common on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from otel_promptcache.core.prompt import Segment, SegmentKind
from otel_promptcache.providers.base import Json, mapping, sequence, string

_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


def tool_segments(tools: object, path: str) -> Iterator[Segment]:
    """One segment a tool, labelled with its name, in the order of the request."""
    for index, raw_tool in enumerate(sequence(tools)):
        tool = mapping(raw_tool)
        # Chat nests the definition under its type, Responses does not; hosted tools have only a type.
        definition = mapping(tool.get(string(tool.get("type")) or ""))
        names = (definition.get("name"), tool.get("name"), tool.get("server_label"), tool.get("type"))
        label = next((name for name in names if isinstance(name, str)), "")
        yield Segment(SegmentKind.TOOL, f"{path}[{index}]", raw_tool, label)


def content_segments(kind: SegmentKind, path: str, item: Json, member: str) -> Iterator[Segment]:
    """One segment for an item whose content is a string, one for each part where it is a list.

    An item without content, such as a function call, or one that has more than a role and content, such as
    an assistant message with tool calls, is a segment as a whole.
    """
    content: object = item.get(member)
    parts = sequence(content)
    if item.keys() - {"role", "type", member}:
        yield Segment(kind, path, item)
    elif isinstance(content, str):
        yield Segment(kind, f"{path}.{member}", content)
    elif parts:
        for index, raw_part in enumerate(parts):
            part = mapping(raw_part)
            is_plain_text = part.get("type") in _TEXT_PARTS and not part.keys() - {"type", "text"}
            value = part.get("text", "") if is_plain_text else raw_part
            yield Segment(kind, f"{path}.{member}[{index}]", value)
    else:
        yield Segment(kind, path, item)
