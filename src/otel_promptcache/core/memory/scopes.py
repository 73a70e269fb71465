"""The scopes in which prefixes were sent, by when each was used last."""

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
    """Knows which prefixes were sent in which scope, to forget a scope as a whole. Not safe to share by threads."""

    def __init__(self) -> None:
        self.size_bytes = 0
        """Bytes that the scopes take, and what is known of the prefixes in them."""
        self._prefixes: OrderedDict[CacheScope, tuple[CacheScope, set[PrefixHash]]] = OrderedDict()
        self.served: OrderedDict[CacheScope, CacheScope] = OrderedDict()
        """By the scope that was asked for, the one that was served, if it is another one."""

    def __len__(self) -> int:
        """How many scopes are known."""
        return len(self._prefixes)

    def same(self, scope: CacheScope) -> CacheScope:
        """An equal scope that is the same object, if it is known: it is looked up for each link, by identity."""
        known = self._prefixes.get(scope)
        return known[0] if known else scope

    def used(self, scope: CacheScope, asked: CacheScope | None) -> set[PrefixHash]:
        """Note that a scope was used; the prefixes that were sent in it, to be added to.

        Args:
            scope: In which the request was answered.
            asked: In which it was sent; None for the same one.
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
        """The scopes to compare with: the latest ones of those in which a prefix was sent.

        Args:
            scope: The request's own.
            cached: Of the prefix, in the order of time.
        """
        if len(cached) <= 1 and scope in cached and not self.served:
            return []  # as a rule
        others = [other for other in islice(reversed(cached), MAX_SCOPES + 1) if other != scope]
        served = self.served.get(scope)
        if served is not None and served not in others:
            others.append(served)
        return others

    def forget_oldest(self) -> tuple[CacheScope, Iterable[PrefixHash]] | None:
        """Forget the scope that was used longest ago, and give what was sent in it; None if there are only a few."""
        if len(self._prefixes) <= MAX_SCOPES:
            return None
        scope, (_, prefixes) = self._prefixes.popitem(last=False)
        self.size_bytes -= SCOPE_ALONE_BYTES
        return scope, prefixes

    def drop(self, prefix: PrefixHash, scopes: Iterable[CacheScope]) -> None:
        """Note that a prefix is forgotten, which was sent in these scopes."""
        for scope in scopes:
            if known := self._prefixes.get(scope):
                known[1].discard(prefix)
                if not known[1]:
                    del self._prefixes[scope]
                    self.size_bytes -= SCOPE_ALONE_BYTES
