"""The blocks that the prompts of all APIs are read into."""

from __future__ import annotations

from otel_promptcache.core.prompt.segments import Block, Role, Segment, SegmentKind
from otel_promptcache.core.prompt.serial import serial

MEDIA_BYTES = 3_000
"""The assumed size of an image, as if it were text: it costs several hundred tokens, however long its URL or data."""


def text_block(kind: SegmentKind, name: str, text: object, role: Role) -> Block:
    """The block for a member of the request that is one segment."""
    return hash((name, kind, serial(text))), lambda: (Segment(kind, name, text, role=role),)
