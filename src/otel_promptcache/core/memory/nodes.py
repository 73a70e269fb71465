"""What is remembered of one prefix: who sent it last, when, in which scopes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from otel_promptcache.core.prompt.chain import HashedPrompt, Link
from otel_promptcache.core.prompt.segments import CacheOptions, CacheScope

MAX_SCOPES = 8
"""Scopes that a prompt is compared over, beside its own: those in which its start was seen last."""
NODE_BYTES = 950
"""Bytes that one prefix takes at most, whatever the number of prompts that begin with it."""
SCOPE_BYTES = 220
"""Bytes that each scope takes in which a prefix was sent."""
BOUNDARY_BYTES = 300
"""Bytes that each of these takes beside them where a boundary was left."""
_NO_BOUNDARIES: Mapping[bool, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A request as it is remembered."""

    prompt: HashedPrompt
    scope: CacheScope
    options: CacheOptions
    fingerprint: str
    response_id: str | None = None
    """The provider's name for the answer; None until there is one."""
    account: int = 0
    """On whose account it was sent, as a hash; 0 for the first account at an endpoint."""

    @property
    def is_marked(self) -> bool:
        """A part of it is marked to be cached up to there."""
        return any(link.breakpoint_ttl is not None for link in self.prompt.links)


class CachedPrefix(NamedTuple):
    """What is known of one prefix in one scope."""

    at_seconds: float
    """When it was sent last."""
    alive_until_seconds: float
    """Until then the provider surely has it, if it keeps any prefix."""
    boundary_until_seconds: Mapping[bool, float] = _NO_BOUNDARIES
    """The same for the boundaries that were left there, where boundaries count: marked ones, and others."""
    is_shared: bool = False
    """Other processes send it, too, at least in part: more of it was read than this one had sent."""

    @property
    def size_bytes(self) -> int:
        """Bytes that are held of it, at most."""
        return SCOPE_BYTES + BOUNDARY_BYTES if self.boundary_until_seconds else SCOPE_BYTES

    def after(self, earlier: CachedPrefix) -> CachedPrefix:
        """What is known after this use, given what was known before: to be read again makes no life shorter."""
        is_last = (
            not earlier.boundary_until_seconds and earlier.alive_until_seconds <= self.alive_until_seconds
        )
        if is_last and earlier.is_shared <= self.is_shared:
            return self
        until = dict(earlier.boundary_until_seconds)
        for is_marked, seconds in self.boundary_until_seconds.items():
            until[is_marked] = max(seconds, until.get(is_marked, seconds))
        alive_until_seconds = max(self.alive_until_seconds, earlier.alive_until_seconds)
        is_shared = self.is_shared or earlier.is_shared
        return CachedPrefix(self.at_seconds, alive_until_seconds, until or _NO_BOUNDARIES, is_shared)


@dataclass(frozen=True, slots=True)
class AnsweredPrompt:
    """What a prompt leaves at the provider once it was processed."""

    sent: SentPrompt
    """In the scope in which it was served."""
    everywhere: CachedPrefix
    """At each of its links."""
    boundaries: Mapping[int, CachedPrefix]
    """At those where it leaves a boundary instead, by index."""


@dataclass(slots=True)
class PrefixNode:
    """What is known about one prefix."""

    latest: SentPrompt
    """The prompt that went through it last."""
    link: Link
    """That which ends there, of all prompts that went through it."""
    cached: dict[CacheScope, CachedPrefix] = field(default_factory=dict[CacheScope, CachedPrefix])
    """By scope, the one that was seen last at the end. As many as `PrefixIndex` has room for."""
    tokens: int | None = None
    """What the provider reported for a prompt that ended there; None where none did."""

    def see(self, scope: CacheScope, used: CachedPrefix, if_shared: CachedPrefix | None = None) -> int:
        """Note that the prefix was used.

        Args:
            scope: In which it was.
            used: What is known of it then.
            if_shared: The same if others send it, too, so that one is held for all prefixes of a prompt.

        Returns:
            How many bytes more are held.
        """
        cached = self.cached
        earlier = cached.pop(scope, None) if len(cached) > 1 else cached.get(scope)
        if earlier is not None and earlier.is_shared and if_shared is not None:
            used = if_shared
        cached[scope] = latest = used if earlier is None else used.after(earlier)
        more_bytes = 0
        if earlier is None:
            more_bytes = latest.size_bytes
        elif latest.boundary_until_seconds and not earlier.boundary_until_seconds:
            more_bytes = BOUNDARY_BYTES
        return more_bytes

    def cached_in(self, scopes: Iterable[CacheScope]) -> dict[CacheScope, CachedPrefix]:
        """What is known of the prefix in some scopes."""
        cached = self.cached
        return {scope: seen for scope in scopes if (seen := cached.get(scope)) is not None}

    @property
    def size_bytes(self) -> int:
        """Bytes that are held of it, at most."""
        return NODE_BYTES + sum([seen.size_bytes for seen in self.cached.values()])

    def is_alive(self, scope: CacheScope, now_seconds: float) -> bool:
        """Whether the provider surely has the prefix in a scope."""
        seen = self.cached.get(scope)
        return seen is not None and seen.alive_until_seconds >= now_seconds
