"""The cacheable pieces of a request, in the order in which the provider renders them, and what partitions a cache."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import Enum


class SegmentKind(Enum):
    """What a segment is; the members stand in the provider's render order."""

    TOOL = "tool"
    FORMAT = "format"
    INSTRUCTIONS = "instructions"
    ITEM = "item"


class Role(Enum):
    """Who speaks, as far as a cache cares: breakpoints may stand behind what users and tools say."""

    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    COMPACTION = "compaction"
    """Stands for a part of the history that was replaced."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a prompt, and where in the request body it stands.

    Holds the caller's own value for as long as the request is being read, and is never kept.
    """

    kind: SegmentKind
    path: str
    """Place in the request body, such as `tools[3]` or `messages[0].content`."""
    value: object
    """A string, or any JSON value; without the breakpoint marker, which is no part of the prompt."""
    label: str = ""
    """What the application calls the piece: the name of a tool, else empty."""
    role: Role = Role.DEVELOPER
    ends_message: bool = True
    """False for all but the last part of a message."""
    breakpoint_ttl: str | None = None
    """Lifetime that an explicit breakpoint behind the piece names, empty if it names none; None without one."""
    size_bytes: int | None = None
    """To estimate tokens by, where the length of the text says nothing about them: an image, a file."""

    def text(self) -> str:
        """The exact text of the piece: a string as it is, anything else as JSON in its own order."""
        return self.value if isinstance(self.value, str) else canonical_json(self.value)


@dataclass(frozen=True, slots=True)
class CacheScope:
    """What partitions a cache for equal prompts; two requests of different scope share nothing.

    The order of the fields is that in which the provider names the first one that changed.
    """

    model: str = ""
    cache_key: str = ""
    """A hash of `prompt_cache_key`, never the key itself."""
    service_tier: str = ""
    reasoning_effort: str = ""
    verbosity: str = ""
    parallel_tool_calls: bool = True
    provider: str = ""
    host: str = ""

    def differences(self, other: CacheScope) -> list[str]:
        """The names of the fields that differ, in the provider's order."""
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]

    def served_by(self, service_tier: str | None) -> CacheScope:
        """The scope with the tier that was really used; None where the answer does not say."""
        return self if service_tier is None else replace(self, service_tier=tier_name(service_tier))


def tier_name(service_tier: str | None) -> str:
    """A service tier as a part of the scope: the default one, by whatever name, is empty."""
    return "" if service_tier in (None, "auto", "default") else str(service_tier)


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """What a request asks of the cache, beside its scope."""

    is_explicit: bool = False
    """No implicit breakpoint is to be set."""
    ttl: str = ""
    """Lifetime of breakpoints that name none; empty for the provider's default."""
    retention: str = ""
    """Retention of models without breakpoints; empty for the provider's default."""
    is_continued: bool = False
    """The provider puts a conversation it stores in front, so the request shows only the end of the prompt."""


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
