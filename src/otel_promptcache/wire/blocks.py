"""What the prompts of all APIs are read into."""

from __future__ import annotations

from otel_promptcache.core.prompt.segments import Block, Role, Segment, SegmentKind
from otel_promptcache.core.prompt.serial import serial

MEDIA_BYTES = 3_000
"""What an image is taken for, beside text: it costs some hundred tokens, whatever the length of its URL or data."""


def text_block(kind: SegmentKind, name: str, text: object, role: Role) -> Block:
    """The block of a member of the request that is one segment."""
    return hash((name, kind, serial(text))), lambda: (Segment(kind, name, text, role=role),)
