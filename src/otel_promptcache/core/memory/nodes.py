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
PLACE_BYTES = 950
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
    """On whose account it was sent, as a hash that means something in this process only."""


class Sighting(NamedTuple):
    """What is known of one prefix in one scope."""

    at_seconds: float
    """When it was sent last."""
    alive_until_seconds: float
    """Until then the provider surely has it, if it keeps any prefix."""
    boundary_until_seconds: Mapping[bool, float] = _NO_BOUNDARIES
    """The same for the boundaries that were left there, where boundaries count: marked ones, and others."""

    @property
    def size_bytes(self) -> int:
        """Bytes that are held of it, at most."""
        return SCOPE_BYTES + BOUNDARY_BYTES if self.boundary_until_seconds else SCOPE_BYTES

    def after(self, earlier: Sighting) -> Sighting:
        """What is known after this sighting, given an earlier one: to be read again makes no life shorter."""
        if not earlier.boundary_until_seconds and earlier.alive_until_seconds <= self.alive_until_seconds:
            return self
        until = dict(earlier.boundary_until_seconds)
        for is_marked, seconds in self.boundary_until_seconds.items():
            until[is_marked] = max(seconds, until.get(is_marked, seconds))
        alive_until_seconds = max(self.alive_until_seconds, earlier.alive_until_seconds)
        return Sighting(self.at_seconds, alive_until_seconds, until or _NO_BOUNDARIES)


@dataclass(slots=True)
class Place:
    """What is known about one prefix."""

    latest: SentPrompt
    """The prompt that went through it last."""
    link: Link
    """That which ends there, of all prompts that went through it."""
    sightings: dict[CacheScope, Sighting] = field(default_factory=dict[CacheScope, Sighting])
    """By scope, the one that was seen last at the end. As many as `PrefixIndex` has room for."""
    tokens: int | None = None
    """What the provider reported for a prompt that ended there; None where none did."""

    def see(self, scope: CacheScope, sighting: Sighting) -> int:
        """Note a sighting.

        Returns:
            How many bytes more are held.
        """
        sightings = self.sightings
        earlier = sightings.pop(scope, None) if len(sightings) > 1 else sightings.get(scope)
        sightings[scope] = latest = sighting if earlier is None else sighting.after(earlier)
        more_bytes = 0
        if earlier is None:
            more_bytes = latest.size_bytes
        elif latest.boundary_until_seconds and not earlier.boundary_until_seconds:
            more_bytes = BOUNDARY_BYTES
        return more_bytes

    def seen_in(self, scopes: Iterable[CacheScope]) -> dict[CacheScope, Sighting]:
        """What is known of the prefix in some scopes."""
        sightings = self.sightings
        return {scope: seen for scope in scopes if (seen := sightings.get(scope)) is not None}

    @property
    def size_bytes(self) -> int:
        """Bytes that are held of it, at most."""
        return PLACE_BYTES + sum([seen.size_bytes for seen in self.sightings.values()])

    def is_alive(self, scope: CacheScope, now_seconds: float) -> bool:
        """Whether the provider surely has the prefix in a scope."""
        seen = self.sightings.get(scope)
        return seen is not None and seen.alive_until_seconds >= now_seconds
