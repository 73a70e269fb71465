"""The cacheable pieces of a request, in the order in which the provider renders them, and what partitions a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import NamedTuple

from otel_promptcache.core.money.usage import TEXT_ALONE
from otel_promptcache.core.prompt.serial import canonical_json, json_head


class SegmentKind(str, Enum):
    """What a segment is; the members are in the provider's render order."""

    __hash__ = str.__hash__  # every link of every prompt is hashed with it, and Enum's own runs in Python

    TOOL = "tool"
    FORMAT = "format"
    INSTRUCTIONS = "instructions"
    SETTING = "setting"
    """Not text of the prompt: what follows it is read only by requests with the same value."""
    ITEM = "item"


class Role(str, Enum):
    """Who speaks, as far as a cache cares: breakpoints may follow what users and tools say."""

    __hash__ = str.__hash__  # likewise

    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    COMPACTION = "compaction"
    """Stands for a part of the history that was replaced."""


class Segment(NamedTuple):
    """One piece of a prompt, and where in the request body it is.

    Holds the caller's own value for as long as the request is being read, and is never kept. A tuple, because
    each message of each request becomes one: a frozen dataclass takes three times as long to make.
    """

    kind: SegmentKind
    path: str
    """Place in the request body, such as `tools[3]` or `messages[0].content`."""
    value: object
    """A string, or any JSON value; without the breakpoint marker, which is not part of the prompt."""
    label: str = ""
    """What the application calls the piece: the name of a tool, else empty."""
    role: Role = Role.DEVELOPER
    ends_message: bool = True
    """False for all but the last part of a message."""
    breakpoint_ttl: str | None = None
    """Lifetime that an explicit breakpoint after the piece names, empty if it names none; None without a breakpoint."""
    size_bytes: int | None = None
    """Used to estimate tokens if the length of the text says nothing about them, as for an image or a file."""
    modalities: frozenset[str] = TEXT_ALONE
    """Which of `MODALITIES` it contains."""

    def text(self) -> str:
        """The exact text of the piece: a string as it is, anything else as JSON in its own order."""
        return self.value if isinstance(self.value, str) else canonical_json(self.value)

    def head(self, chars: int) -> str:
        """The beginning of the text, without building all of it for a large piece."""
        return self.value[:chars] if isinstance(self.value, str) else json_head(self.value, chars)


_DEFAULT_TIERS = frozenset({"auto", "default"})

Settings = tuple[tuple[str, int], ...]
"""Names of settings with hashes of their values; sorted."""
HashValue = Callable[[object], int]
"""Hashes what is known of an account or a setting, made of texts, bytes and tuples: Python's own `hash`, which is
meaningful only in this process, or a keyed one shared by the processes that are observed together."""


class CacheScope(NamedTuple):
    """What partitions a cache for equal prompts; two requests of different scope share nothing.

    If a request differs in several fields, the first one is reported: who answers, because a different provider may
    name the same model differently, then the order in which the provider names what changed. A tuple, because it is
    the key of many lookups per request, and dataclasses are hashed in Python.
    """

    provider: str = ""
    host: str = ""
    model: str = ""
    cache_key: str = ""
    """A hash of `prompt_cache_key`, never the key itself."""
    service_tier: str = ""
    reasoning_effort: str = ""
    verbosity: str = ""
    parallel_tool_calls: bool = True
    upstream: str = ""
    """The provider behind a router, as the answer names it; empty if it names none."""
    settings: Settings = ()
    """Other settings that are part of the rendered prompt or of the routing, such as `headers.session_id`."""

    def differences(self, other: CacheScope) -> list[str]:
        """The names of the fields that differ, in their order."""
        pairs = zip(self._fields, self, other, strict=True)
        return [name for name, mine, theirs in pairs if mine != theirs]

    def changed_setting(self, other: CacheScope) -> str | None:
        """The first of the settings that differ; None if none does."""
        differing = set(self.settings) ^ set(other.settings)
        return min(differing)[0] if differing else None

    def served_by(self, service_tier: str | None, upstream: str | None = None) -> CacheScope:
        """The scope with the tier and the upstream provider that were actually used; None if the answer names none."""
        tier = self.service_tier
        if service_tier is not None:
            tier = "" if service_tier in _DEFAULT_TIERS else service_tier
        upstream = self.upstream if upstream is None else upstream
        if (tier, upstream) == (self.service_tier, self.upstream):
            return self
        return self._replace(service_tier=tier, upstream=upstream)


def without_items(read: Callable[[], Iterable[Block]]) -> Iterator[Block]:
    """The blocks of a continued prompt whose position in the prompt is known, which excludes its items."""
    for key, segments in read():
        if any(segment.kind is not SegmentKind.ITEM for segment in segments()):
            yield key, partial(_outside_items, segments)


def _outside_items(segments: Callable[[], Iterable[Segment]]) -> Iterator[Segment]:
    return (segment for segment in segments() if segment.kind is not SegmentKind.ITEM)


def tier_name(service_tier: str | None) -> str:
    """A service tier as a part of the scope: the default one, under any name, is empty."""
    return "" if service_tier is None or service_tier in _DEFAULT_TIERS else service_tier


Block = tuple[int, Callable[[], Iterable[Segment]]]
"""A part of a request that becomes segments, such as a message or a list of tools, preceded by a hash: parts with equal
hashes become equal segments if they follow equal ones."""


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """What a request asks of the cache, besides its scope."""

    is_explicit: bool = False
    """The request asks for no implicit breakpoint."""
    ttl: str = ""
    """Lifetime of breakpoints that name none; empty for the provider's default."""
    retention: str = ""
    """Retention of models without breakpoints; empty for the provider's default."""
    is_continued: bool = False
    """The provider prepends a conversation that it stores, so the request shows only the end of the prompt."""
