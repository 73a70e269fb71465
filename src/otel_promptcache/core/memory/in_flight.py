"""The prefixes that the provider is processing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.chain import Link, PrefixHash
from otel_promptcache.core.prompt.segments import CacheScope

InFlight = tuple[CacheScope, PrefixHash, bool | None]
"""A prefix that is being processed (None), or a boundary that will be left at its end, marked or not."""

MAX_IN_FLIGHT = 24_576
"""Prefixes of prompts that are being processed; those of further prompts are not tracked."""
IN_FLIGHT_BYTES = 320
"""Bytes that one of them takes at most."""


class PrefixesInFlight(dict[InFlight, int]):
    """How many requests are processing each prefix. Not thread-safe for writing."""

    def begin(
        self, scope: CacheScope, links: Sequence[Link], alive_links: int, boundaries: Iterable[Boundary]
    ) -> Sequence[InFlight]:
        """Note that a prompt is being processed.

        Args:
            scope: Of the prompt.
            links: Of the prompt.
            alive_links: How many of its links can already be read, so that nobody has to wait for them.
            boundaries: Those that it is going to leave, if the cache has boundaries.

        Returns:
            The argument for `finish`; empty if too many prefixes are in flight.
        """
        if len(self) + len(links) - alive_links > MAX_IN_FLIGHT:
            return ()
        keys: list[InFlight] = [(scope, link.prefix, None) for link in links[alive_links:]]
        keys += [(scope, links[index].prefix, is_marked) for index, is_marked in boundaries]
        for key in keys:
            self[key] = self.get(key, 0) + 1
        return keys

    def finish(self, keys: Iterable[InFlight]) -> None:
        """Note that a prompt is no longer being processed, answered or not."""
        for key in keys:
            if (count := self.get(key, 0)) > 1:
                self[key] = count - 1
            else:
                self.pop(key, None)
