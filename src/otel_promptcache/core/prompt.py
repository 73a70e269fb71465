"""The cacheable pieces of a request, in the order in which the provider renders them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum


class SegmentKind(Enum):
    """What a segment is; the members stand in the provider's render order."""

    TOOL = "tool"
    FORMAT = "format"
    INSTRUCTIONS = "instructions"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a prompt, and where in the request body it stands.

    Holds the caller's own value for as long as the request is being read, and is never kept.
    """

    kind: SegmentKind
    path: str
    """Place in the request body, such as `tools[3]` or `messages[0].content`."""
    value: object
    """A string, or any JSON value."""
    label: str = ""
    """What the application calls the piece: the name of a tool, else empty."""

    def text(self) -> str:
        """The exact text of the piece: a string as it is, anything else as JSON in its own order."""
        return self.value if isinstance(self.value, str) else canonical_json(self.value)


def canonical_json(value: object) -> str:
    """Serialise the same in every process and Python version, keeping the order of keys and items.

    Order is kept because it is part of what a prefix cache compares. Values that JSON has no form for
    are represented by their type, keys that it has no form for are left out.

    Raises:
        ValueError: The value contains itself.
        RecursionError: The value is nested too deeply.
    """
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), skipkeys=True, default=_type_placeholder
    )


def _type_placeholder(value: object) -> str:
    return f"<{type(value).__name__}>"
