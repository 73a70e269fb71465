"""Turns what a store found into a snapshot to judge a prompt by: positions, scopes and times of this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from otel_promptcache.core.memory.earlier import FleetSnapshot, Variant
from otel_promptcache.core.memory.match import Step
from otel_promptcache.core.memory.nodes import CachedPrefix
from otel_promptcache.core.prompt.chain import Link
from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.fleet.naming.scopes import FleetScopes
from otel_promptcache.fleet.store import MARKED, PLAIN, UNMARKED, Entry, Found, FoundVariant

_MAX_READ = 2


@dataclass(frozen=True, slots=True)
class SnapshotReader:
    """Reads what was found for one prompt."""

    links: Sequence[Link]
    positions: Sequence[int]
    """Of the links in which the prefixes of the query end."""
    scope: CacheScope
    scopes: FleetScopes
    offset_seconds: float
    """What must be added to the store's clock to get this process's."""

    def read(
        self, found: Found, read_variant: Callable[[FoundVariant, CacheScope, CachedPrefix], Variant | None]
    ) -> FleetSnapshot:
        """Read all of it, leaving out what makes no sense."""
        flights = {each.place: each.leaves for each in found.flights if each.place < len(self.positions)}
        furthest = max([place for place, leaves in flights.items() if leaves & PLAIN], default=-1)
        steps: dict[int, Step] = {}
        for prefix in found.prefixes:
            if prefix.place < len(self.positions):
                cached = self._cached(prefix.entries)
                steps[prefix.place] = self._step(
                    prefix.place, prefix.tokens, cached, flights.pop(prefix.place, 0)
                )
        for index, leaves in flights.items():
            # Whoever sends a prefix sends all shorter ones, so of those that leave no boundary one is enough.
            if leaves != PLAIN or index == furthest:
                steps[index] = self._step(index, None, {}, leaves)
        variants: list[Variant] = []
        is_newest = True
        for each in found.variants:
            scope = self.scopes.decode(each.scope, self.scope)
            # Besides the newest one, only one more that is alive matters: making them comparable takes long.
            if scope is None or not (is_newest or (scope is self.scope and each.until >= found.now)):
                continue
            is_newest = False
            if variant := read_variant(each, scope, self._entry(Entry(each.at, each.until))):
                variants.append(variant)
            if len(variants) == _MAX_READ:
                break
        return FleetSnapshot(
            steps=tuple([steps[index] for index in sorted(steps)]),
            known_links=self.links_in(found.known),
            alive_links=self.links_in(found.alive),
            requests_last_minute=found.requests,
            has_lineage=found.has_template,
            variants=tuple(variants),
            is_new_variant=found.is_new_digest,
            response_id=found.response_id,
        )

    def links_in(self, prefixes: int) -> int:
        """How many links of the prompt its first prefixes in the query have."""
        return self.positions[min(prefixes, len(self.positions)) - 1] + 1 if prefixes > 0 else 0

    def _step(
        self, index: int, tokens: int | None, cached: Mapping[CacheScope, CachedPrefix], leaves: int
    ) -> Step:
        position = self.positions[index]
        boundaries = frozenset([kind for kind, bit in ((False, UNMARKED), (True, MARKED)) if leaves & bit])
        return Step(
            position, self.links[position].end_bytes, tokens, cached, bool(leaves & PLAIN), boundaries
        )

    def _cached(self, entries: Mapping[bytes, Entry]) -> dict[CacheScope, CachedPrefix]:
        cached: dict[CacheScope, CachedPrefix] = {}
        for data, entry in entries.items():
            if (scope := self.scopes.decode(data, self.scope)) is not None:
                cached[scope] = self._entry(entry)
        return cached

    def _entry(self, entry: Entry) -> CachedPrefix:
        boundaries = {
            kind: self._seconds(until)
            for kind, until in ((False, entry.unmarked_until), (True, entry.marked_until))
            if until
        }
        return CachedPrefix(self._seconds(entry.at), self._seconds(entry.until), boundaries)

    def _seconds(self, milliseconds: int) -> float:
        return milliseconds / 1_000 + self.offset_seconds
