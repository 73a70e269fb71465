"""The scopes in which prefixes were sent, in order of their last use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice

from otel_promptcache.core.memory.nodes import MAX_SCOPES, CachedPrefix
from otel_promptcache.core.prompt.chain import PrefixHash
from otel_promptcache.core.prompt.segments import CacheScope

SCOPE_ALONE_BYTES = 800
"""Bytes that a scope takes, however many prefixes were sent in it."""
_MAX_SERVED = 1_024


class ScopeStore:
    """Knows which prefixes were sent in which scope, so that a scope can be forgotten as a whole. Not thread-safe."""

    def __init__(self) -> None:
        self.size_bytes = 0
        """Bytes that the scopes take, and what is known of the prefixes in them."""
        self._prefixes: OrderedDict[CacheScope, tuple[CacheScope, set[PrefixHash]]] = OrderedDict()
        self.served: OrderedDict[CacheScope, CacheScope] = OrderedDict()
        """Maps a requested scope to the one that was served, if that is a different one."""

    def __len__(self) -> int:
        """How many scopes are known."""
        return len(self._prefixes)

    def same(self, scope: CacheScope) -> CacheScope:
        """The known object that equals a scope, else the scope itself: it is looked up for each link, by identity."""
        known = self._prefixes.get(scope)
        return known[0] if known else scope

    def used(self, scope: CacheScope, asked: CacheScope | None) -> set[PrefixHash]:
        """Note that a scope was used, and return the prefixes that were sent in it, to be added to.

        Args:
            scope: The scope in which the request was answered.
            asked: The scope in which it was sent; None for the same one.
        """
        if asked is not None and scope != asked:
            self.served[asked] = scope
            self.served.move_to_end(asked)
            if len(self.served) > _MAX_SERVED:
                self.served.popitem(last=False)
        if (known := self._prefixes.get(scope)) is None:
            known = self._prefixes[scope] = scope, set()
            self.size_bytes += SCOPE_ALONE_BYTES
        else:
            self._prefixes.move_to_end(scope)
        return known[1]

    def others(self, scope: CacheScope, cached: dict[CacheScope, CachedPrefix]) -> list[CacheScope]:
        """The scopes to compare with: the latest ones in which a prefix was sent.

        Args:
            scope: The request's own.
            cached: What is known of the prefix, in order of time.
        """
        if len(cached) <= 1 and scope in cached and not self.served:
            return []  # the usual case
        others = [other for other in islice(reversed(cached), MAX_SCOPES + 1) if other != scope]
        served = self.served.get(scope)
        if served is not None and served not in others:
            others.append(served)
        return others

    def forget_oldest(self) -> tuple[CacheScope, Iterable[PrefixHash]] | None:
        """Forget the least recently used scope, and return it and what was sent in it; None if there are only a few."""
        if len(self._prefixes) <= MAX_SCOPES:
            return None
        scope, (_, prefixes) = self._prefixes.popitem(last=False)
        self.size_bytes -= SCOPE_ALONE_BYTES
        return scope, prefixes

    def drop(self, prefix: PrefixHash, scopes: Iterable[CacheScope]) -> None:
        """Note that a prefix that was sent in these scopes is forgotten."""
        for scope in scopes:
            if known := self._prefixes.get(scope):
                known[1].discard(prefix)
                if not known[1]:
                    del self._prefixes[scope]
                    self.size_bytes -= SCOPE_ALONE_BYTES
