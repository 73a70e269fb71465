"""Which prefixes of earlier prompts a request can read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from otel_promptcache.core.memory.match import Step
from otel_promptcache.core.memory.nodes import CachedPrefix
from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.segments import CacheScope

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class ReadablePrefixes:
    """Tells which earlier prefixes a request can read."""

    scope: CacheScope
    boundaries: Collection[Boundary] | None
    """Where it can read; None if boundaries do not count."""
    is_opt_in: bool
    """Only marked prompts leave boundaries."""
    has_units: bool
    """It is known that it can read only where an earlier prompt ended."""
    now_seconds: float

    def is_alive(self, step: Step) -> bool:
        """Whether it was sent in the same scope and has not expired."""
        seen = step.cached.get(self.scope)
        return seen is not None and seen.alive_until_seconds >= self.now_seconds

    def is_alive_elsewhere(self, step: Step) -> bool:
        """Whether it has not expired in another scope, which could read it."""
        seen = step.cached
        return len(seen) > (self.scope in seen) and self._ends(step) and bool(self.scopes_elsewhere(step))

    def scopes_elsewhere(self, step: Step) -> list[CacheScope]:
        """The other scopes in which it has not expired."""
        others = [(scope, seen) for scope, seen in step.cached.items() if scope != self.scope]
        if self.is_opt_in:  # an unmarked prompt leaves nothing there, nor does what follows the last mark
            return [scope for scope, seen in others if self._is_left_alive(step, seen)]
        return [scope for scope, seen in others if seen.alive_until_seconds >= self.now_seconds]

    def is_readable(self, step: Step) -> bool:
        """Whether the provider should have it for this request."""
        if self.boundaries is None:
            return self._ends(step) and self.is_alive(step)
        return self._is_left_alive(step, step.cached.get(self.scope))

    def is_lapsed(self, step: Step) -> bool:
        """Whether the provider had it for this request at any time."""
        if self.boundaries is None:
            return self._ends(step) and self.scope in step.cached
        return bool(self._left(step, step.cached.get(self.scope)))

    def is_in_flight(self, step: Step) -> bool:
        """Whether requests that are being processed will leave it for this one."""
        if self.boundaries is None:
            return self._ends(step) and step.is_in_flight
        return any(Boundary(step.position, kind) in self.boundaries for kind in step.boundaries_in_flight)

    def _ends(self, step: Step) -> bool:
        """Whether units allow reading up to there: if the cache has units, a prompt must have ended there."""
        return not self.has_units or step.is_end or step.tokens is not None

    def is_sent_by_others(self, step: Step) -> bool:
        """Whether other processes also send it, in the same scope."""
        seen = step.cached.get(self.scope)
        return seen is not None and seen.is_sent_by_others

    def closest_scope(self, steps: Sequence[Step]) -> CacheScope | None:
        """The scope that differs least, of those in which more than half as much was sent as in any."""
        if not any(map(self.is_alive_elsewhere, steps)):
            return None
        length_bytes = {other: step.end_bytes for step in steps for other in self.scopes_elsewhere(step)}
        longest_bytes = max(length_bytes.values(), default=0)
        comparable = [other for other, length in length_bytes.items() if 2 * length > longest_bytes]
        return min(comparable, key=lambda other: len(self.scope.differences(other)), default=None)

    def _is_left_alive(self, step: Step, seen: CachedPrefix | None) -> bool:
        return max(self._left(step, seen), default=_NEVER) >= self.now_seconds

    def _left(self, step: Step, seen: CachedPrefix | None) -> list[float]:
        """Until when those boundaries live that were left at a place and that this request can read."""
        left = seen.boundary_until_seconds.items() if seen else ()
        return [until for kind, until in left if Boundary(step.position, kind) in (self.boundaries or ())]
