"""What is remembered of one prefix: which prompt had it last, when, in which scopes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from otel_promptcache.core.prompt.chain import HashedPrompt, Link
from otel_promptcache.core.prompt.segments import CacheOptions, CacheScope

MAX_SCOPES = 8
"""Scopes that a prompt is compared across, besides its own: those in which its start was seen last."""
NODE_BYTES = 950
"""Bytes that one prefix takes at most, however many prompts begin with it."""
SCOPE_BYTES = 220
"""Bytes per scope in which a prefix was sent."""
BOUNDARY_BYTES = 300
"""Additional bytes per such scope if a boundary was left in it."""
_NO_BOUNDARIES: Mapping[bool, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A request as remembered."""

    prompt: HashedPrompt
    scope: CacheScope
    options: CacheOptions
    fingerprint: str
    response_id: str | None = None
    """The provider's name for the answer; None until there is one."""
    account: int = 0
    """A hash of the account that it was sent on; 0 for the first account at an endpoint."""

    @property
    def is_marked(self) -> bool:
        """Whether a part of it is marked as a place to cache up to."""
        # A generator would run a frame for each link.
        return any([link.breakpoint_ttl is not None for link in self.prompt.links])  # noqa: C419


class CachedPrefix(NamedTuple):
    """What is known of one prefix in one scope."""

    at_seconds: float
    """When it was sent last."""
    alive_until_seconds: float
    """Until then the provider is certain to have it, if it keeps any prefix."""
    boundary_until_seconds: Mapping[bool, float] = _NO_BOUNDARIES
    """The same for the boundaries that were left there, if boundaries count: marked ones, and others."""
    is_sent_by_others: bool = False
    """Other processes also send it, at least in part: more of it was read than this one had sent."""

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes at most."""
        return SCOPE_BYTES + BOUNDARY_BYTES if self.boundary_until_seconds else SCOPE_BYTES

    def after(self, earlier: CachedPrefix) -> CachedPrefix:
        """What is known after this use, given what was known before: a further read never shortens a lifetime."""
        until = dict(earlier.boundary_until_seconds)
        for is_marked, seconds in self.boundary_until_seconds.items():
            until[is_marked] = max(seconds, until.get(is_marked, seconds))
        alive_until_seconds = max(self.alive_until_seconds, earlier.alive_until_seconds)
        is_sent_by_others = self.is_sent_by_others or earlier.is_sent_by_others
        return CachedPrefix(self.at_seconds, alive_until_seconds, until or _NO_BOUNDARIES, is_sent_by_others)


@dataclass(frozen=True, slots=True)
class AnsweredPrompt:
    """What a prompt leaves at the provider once it is processed."""

    sent: SentPrompt
    """In the scope in which it was served."""
    everywhere: CachedPrefix
    """At each of its links."""
    boundaries: Mapping[int, CachedPrefix]
    """Instead, at those where it leaves a boundary, by index."""


@dataclass(slots=True)
class PrefixNode:
    """What is known about one prefix."""

    latest: SentPrompt
    """The latest prompt that has it."""
    link: Link
    """The link that ends there, of all prompts that have it."""
    cached: dict[CacheScope, CachedPrefix] = field(default_factory=dict[CacheScope, CachedPrefix])
    """By scope, the most recently seen one last. As many as `PrefixIndex` has space for."""
    tokens: int | None = None
    """What the provider reported for a prompt that ended there; None if none did."""
    tokens_model: str | None = None
    """The requested model for which it was reported, as another one may count differently; None without `tokens`."""

    def see(self, scope: CacheScope, used: CachedPrefix, if_others: CachedPrefix | None = None) -> int:
        """Note that the prefix was used.

        Args:
            scope: In which it was used.
            used: What is then known of it.
            if_others: The same if others also send it, so that one object is kept for all prefixes of a prompt.

        Returns:
            How many more bytes it takes.
        """
        cached = self.cached
        earlier = cached.pop(scope, None) if len(cached) > 1 else cached.get(scope)
        if earlier is not None and earlier.is_sent_by_others and if_others is not None:
            used = if_others
        if earlier is None:
            cached[scope] = used
            return used.size_bytes
        # Usually this use replaces the earlier one, and all prefixes of a prompt share one value.
        says_less = (
            earlier.alive_until_seconds > used.alive_until_seconds
            or earlier.is_sent_by_others > used.is_sent_by_others
        )
        if says_less or earlier.boundary_until_seconds:
            used = used.after(earlier)
        cached[scope] = used
        return BOUNDARY_BYTES if used.boundary_until_seconds and not earlier.boundary_until_seconds else 0

    def cached_in(self, scopes: Iterable[CacheScope]) -> dict[CacheScope, CachedPrefix]:
        """What is known of the prefix in some scopes."""
        cached = self.cached
        return {scope: seen for scope in scopes if (seen := cached.get(scope)) is not None}

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes at most."""
        return NODE_BYTES + sum([seen.size_bytes for seen in self.cached.values()])

    def is_alive(self, scope: CacheScope, now_seconds: float) -> bool:
        """Whether the provider is certain to have the prefix in a scope."""
        seen = self.cached.get(scope)
        return seen is not None and seen.alive_until_seconds >= now_seconds
