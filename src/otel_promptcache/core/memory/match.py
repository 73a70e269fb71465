"""How far a new prompt follows earlier ones, as the few nodes that matter for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from otel_promptcache.core.memory.in_flight import InFlight
from otel_promptcache.core.memory.nodes import CachedPrefix, PrefixNode, SentPrompt
from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.chain import Link, PrefixHash
from otel_promptcache.core.prompt.segments import CacheScope


class Step(NamedTuple):
    """A place in a new prompt up to which an earlier one was the same."""

    position: int
    """Index of the link that ends there."""
    end_bytes: int
    tokens: int | None
    """What the provider reported for a prompt to the same model that ended there; None if none did."""
    cached: Mapping[CacheScope, CachedPrefix]
    """By scope."""
    is_in_flight: bool = False
    """A request in the same scope is being processed."""
    boundaries_in_flight: frozenset[bool] = frozenset()
    """Which boundaries it will leave, if boundaries count: marked ones, others."""
    is_end: bool = False
    """A prompt to any model ended there."""


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    """How far a new prompt follows earlier ones."""

    steps: tuple[Step, ...]
    """The furthest nodes that are known, alive in a scope, in flight or readable, and the nearest ones of known
    length, ascending. Their number does not grow with the length of the prompt."""
    known_links: int
    """How many links of the prompt are known from earlier ones that were answered."""
    alive_links: int
    """How many of these the provider is certain to have in the same scope."""
    latest: SentPrompt | None
    """The latest of the prompts that agree furthest; None if none agrees in even a single link."""
    requests_last_minute: int
    """Requests with the same start and scope, this one included."""
    has_lineage: bool
    """The template was answered before."""
    latest_tokens: int | None = None
    """What the provider reported for all of `latest`; None if it did not."""

    def measured(self, tokens: Mapping[int, int]) -> PrefixMatch:
        """The match with the lengths that the answer gave to places of unknown length.

        Args:
            tokens: By the index of the link that ends there.
        """
        steps = self.steps
        if not [step for step in steps if step.tokens is None and step.position in tokens]:  # as usual
            return self
        known = [step._replace(tokens=tokens.get(step.position, step.tokens)) for step in steps]
        return replace(self, steps=tuple(known))


@dataclass(slots=True)
class PrefixMatcher:
    """Follows one prompt through the known nodes.

    What is known of a node holds for all before it: sending a prompt also sends its start, which is alive at least as
    long. So nodes are found by bisection, and conversations may be long.
    """

    links: Sequence[Link]
    scope: CacheScope
    now_seconds: float
    nodes: Mapping[PrefixHash, PrefixNode]
    in_flight: Collection[InFlight]
    other_scopes: Collection[CacheScope] = ()
    """The latest ones in which the prompt's start was seen."""

    def known_links(self) -> int:
        """How many links are known."""
        links, nodes = self.links, self.nodes
        if links and links[-1].prefix in nodes:
            return len(links)
        return bisect_left(range(len(links)), 1, key=lambda index: links[index].prefix not in nodes)

    def alive_links(self, known_links: int, scope: CacheScope) -> int:
        """How many of the known links are alive in a scope."""
        now_seconds = self.now_seconds
        return self._count(known_links, lambda node: node is not None and node.is_alive(scope, now_seconds))

    def shared_links(self, known_links: int, scope: CacheScope) -> int:
        """How many of the known links other processes also send in a scope."""
        low, high = 0, known_links
        while low < high:
            middle = (low + high) // 2
            seen = self.nodes[self.links[middle].prefix].cached.get(scope)
            if seen is not None and seen.is_sent_by_others:
                low = middle + 1
            else:
                high = middle
        return low

    def steps(
        self, known_links: int, alive_links: int, boundaries: Sequence[Boundary], shared_links: int = 0
    ) -> tuple[Step, ...]:
        """The nodes that matter.

        Args:
            known_links: As `known_links` counts them.
            alive_links: As `alive_links` counts them in the scope of the prompt.
            boundaries: Where the prompt could be read from a cache with exact boundaries, ascending.
            shared_links: As `shared_links` counts them.
        """
        found = {known_links - 1, alive_links - 1}
        if known_links:
            found.update(self._alive_elsewhere(known_links))
        if alive_links < known_links:
            scope = self.scope
            found.add(self._count(known_links, lambda node: node is not None and scope in node.cached) - 1)
        if self.in_flight:
            found.add(self._furthest_in_flight(alive_links))
        if boundaries:
            found.update(self._furthest_boundaries(known_links, boundaries))
            if self.other_scopes:
                found.update(self._furthest_boundaries_elsewhere(known_links, boundaries))
        found.update([self._nearest_of_known_length(min(index, known_links - 1)) for index in found])
        found.add(shared_links - 1)
        found.discard(-1)
        return tuple([self._step(index) for index in sorted(found)])

    def _alive_elsewhere(self, known_links: int) -> list[int]:
        """The furthest links that are alive in other scopes."""
        return [self.alive_links(known_links, other) - 1 for other in self.other_scopes]

    def _furthest_in_flight(self, alive_links: int) -> int:
        index = alive_links
        while index < len(self.links) and (self.scope, self.links[index].prefix, None) in self.in_flight:
            index += 1
        return index - 1

    def _furthest_boundaries(self, known_links: int, boundaries: Sequence[Boundary]) -> Iterator[int]:
        """The furthest nodes at which a boundary is alive, was left at any time, or will be left.

        If its length is not known, a second one that is alive as well: a read may have ended at either.
        """
        was_left = will_be_left = was_alive = False
        for index, is_marked in reversed(boundaries):
            prefix = self.links[index].prefix
            if not will_be_left and (self.scope, prefix, is_marked) in self.in_flight:
                will_be_left = True
                yield index
            seen = self.nodes[prefix].cached.get(self.scope) if index < known_links else None
            until_seconds = seen and seen.boundary_until_seconds.get(is_marked)
            if until_seconds is None:
                continue
            is_alive = until_seconds >= self.now_seconds
            if is_alive or not was_left:
                was_left = True
                yield index
            if is_alive and (was_alive or self.nodes[prefix].tokens_model == self.scope.model):
                return
            was_alive = was_alive or is_alive

    def _furthest_boundaries_elsewhere(
        self, known_links: int, boundaries: Sequence[Boundary]
    ) -> Iterator[int]:
        """The furthest nodes at which a boundary is alive in other scopes, one for each."""
        for scope in self.other_scopes:
            for index, is_marked in reversed(boundaries):
                seen = self.nodes[self.links[index].prefix].cached.get(scope) if index < known_links else None
                until_seconds = seen and seen.boundary_until_seconds.get(is_marked)
                if until_seconds is not None and until_seconds >= self.now_seconds:
                    yield index
                    break

    def _nearest_of_known_length(self, index: int) -> int:
        """The last place up to a link whose tokens were reported; -1 if there is none."""
        nodes, links, model = self.nodes, self.links, self.scope.model
        while index >= 0 and nodes[links[index].prefix].tokens_model != model:
            index -= 1
        return index

    def _count(self, limit: int, condition: Callable[[PrefixNode | None], bool]) -> int:
        """How many of the first links meet a condition that no link meets after one that does not."""
        links, nodes = self.links, self.nodes
        if limit and condition(nodes.get(links[limit - 1].prefix)):  # the usual case
            return limit
        return bisect_left(
            range(limit), 1, key=lambda index: 0 if condition(nodes.get(links[index].prefix)) else 1
        )

    def _step(self, index: int) -> Step:
        link = self.links[index]
        node, in_flight = self.nodes.get(link.prefix), self.in_flight
        is_end = node is not None and node.tokens is not None
        tokens = node.tokens if node is not None and node.tokens_model == self.scope.model else None
        cached: Mapping[CacheScope, CachedPrefix] = {}
        if node is not None:
            # Usually there is one.
            is_few = len(node.cached) <= 1
            cached = node.cached.copy() if is_few else node.cached_in((self.scope, *self.other_scopes))
        if not in_flight:
            return Step(index, link.end_bytes, tokens, cached, is_end=is_end)
        kinds = [kind for kind in (True, False) if (self.scope, link.prefix, kind) in in_flight]
        is_in_flight = (self.scope, link.prefix, None) in in_flight
        return Step(index, link.end_bytes, tokens, cached, is_in_flight, frozenset(kinds), is_end)
