"""The provider's prompt cache: a pure model. No I/O; the time is an argument.

A request reads at its arrival (`PromptCache.read`) and writes once its prompt has been processed
(`PromptCache.write`), so two identical requests in flight at the same time both miss.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.sim.cache.boundaries import Boundary, CachingOptions, find_boundaries
from otel_promptcache.sim.cache.policies import BreakpointPolicy, CachePolicy, Lifetime, Ttl
from otel_promptcache.sim.cache.prompt import TokenStream
from otel_promptcache.sim.cache.routing import HEAD_TOKENS, Router
from otel_promptcache.sim.cache.tokens import prefix_digests


class CacheScope(NamedTuple):
    """What separates the caches of equal prompts.

    Attributes:
        organization: Whose cache it is.
        model: The resolved model name.
        service_tier: The tier that actually serves the request.
        cache_key: `prompt_cache_key`. It partitions the cache from gpt-5.6 on; before that, it only routes.
    """

    organization: str
    model: str
    service_tier: str
    cache_key: str | None


class EntryKey(NamedTuple):
    """The key of a cached prefix: equal prefixes in one scope share an entry on each machine."""

    scope: CacheScope
    machine: int
    digest: bytes


@dataclass(slots=True)
class _Entry:
    written_seconds: float
    ready_seconds: float
    used_seconds: float
    lifetime: Lifetime

    def is_expired(self, now_seconds: float) -> bool:
        idle_too_long = now_seconds > self.used_seconds + self.lifetime.idle_seconds
        cap_seconds = self.lifetime.cap_seconds
        return idle_too_long or (cap_seconds is not None and now_seconds > self.written_seconds + cap_seconds)

    def is_readable(self, now_seconds: float) -> bool:
        return self.ready_seconds <= now_seconds and not self.is_expired(now_seconds)


@dataclass(frozen=True, slots=True)
class CacheRead:
    """What a request read from the cache, and what it will write there.

    Attributes:
        input_tokens: Visible tokens of the prompt.
        cached_tokens: How many of them were read from the cache.
        write_tokens: How many are newly written: charged under breakpoint policies, always 0 under block policies.
        write_tokens_by_ttl: The same, split by lifetime.
        machine: Which machine served the request.
        policy: The rules that were applied.
        reusable_position: End of the longest prefix that is cached from now on, in tokens from the start of
            the stream. None if nothing is cached.
        writes: The entries `PromptCache.write` will write.
    """

    input_tokens: int
    cached_tokens: int
    write_tokens: int
    write_tokens_by_ttl: dict[Ttl, int]
    machine: int
    policy: CachePolicy
    reusable_position: int | None
    writes: tuple[tuple[EntryKey, Lifetime], ...]

    @property
    def uncached_tokens(self) -> int:
        """Visible tokens the model has to process."""
        return self.input_tokens - self.cached_tokens


class PromptCache:
    """Prefixes of earlier prompts, and who can read them for how long. Not thread-safe.

    Args:
        machines: Number of machines requests are routed to; each has its own cache.
        overflow_requests_per_minute: Above this, requests that belong together spill over to a cold machine.
            None: never.
        warm_up_seconds: How long after its write an entry becomes readable.
        unexplained_miss_rate: Share of requests that read nothing, for no reason the client could know.
        zero_data_retention: Changes the default retention of older models.
        max_entries: Above this, the least recently used entries are evicted.
        seed: Seed for the unexplained misses.
    """

    def __init__(
        self,
        *,
        machines: int = 16,
        overflow_requests_per_minute: int | None = 15,
        warm_up_seconds: float = 0.0,
        unexplained_miss_rate: float = 0.0,
        zero_data_retention: bool = False,
        max_entries: int = 200_000,
        seed: int = 0,
    ) -> None:
        self._router = Router(machines, overflow_requests_per_minute)
        self._warm_up_seconds = warm_up_seconds
        self._unexplained_miss_rate = unexplained_miss_rate
        self._zero_data_retention = zero_data_retention
        self._max_entries = max_entries
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose
        self._entries: OrderedDict[EntryKey, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def read(
        self,
        stream: TokenStream,
        scope: CacheScope,
        policy: CachePolicy,
        options: CachingOptions,
        now_seconds: float,
        *,
        miss: bool = False,
    ) -> CacheRead:
        """Route a request and read the longest prefix of its prompt that is cached there.

        Reading extends the lifetime of that prefix and of the shorter ones inside it. Nothing is written yet:
        pass the result to `write` when the prompt has been processed.

        Args:
            stream: The rendered prompt.
            scope: Whose cache is read.
            policy: The model's rules.
            options: What the request asks of the cache.
            now_seconds: The time of arrival.
            miss: Find nothing, whatever is cached.
        """
        machine = self._route(stream, scope, now_seconds)
        if not isinstance(policy, BreakpointPolicy):
            scope = scope._replace(cache_key=None)
        found = find_boundaries(stream, policy, options, zero_data_retention=self._zero_data_retention)
        digests = prefix_digests(
            stream.tokens, (b.position_tokens for b in (*found.readable, *found.writable))
        )

        def key(boundary: Boundary) -> EntryKey:
            return EntryKey(scope, machine, digests[boundary.position_tokens])

        miss = self._random.random() < self._unexplained_miss_rate or miss
        live = () if miss else [b for b in found.readable if self._is_readable(key(b), now_seconds)]
        for boundary in live:
            self._touch(key(boundary), now_seconds)
        hit = live[-1] if live else None
        cached_tokens = hit.reported_tokens if hit else 0
        by_ttl = _charged_tokens(found.writable, cached_tokens) if found.charged else {}
        reusable = [b.position_tokens for b in (*live, *found.writable)]
        return CacheRead(
            input_tokens=stream.input_tokens,
            cached_tokens=cached_tokens,
            write_tokens=sum(by_ttl.values()),
            write_tokens_by_ttl=by_ttl,
            machine=machine,
            policy=policy,
            reusable_position=max(reusable, default=None),
            writes=tuple((key(b), b.lifetime) for b in found.writable),
        )

    def write(self, read: CacheRead, now_seconds: float) -> None:
        """Cache a request's prefixes for later ones; those already cached are refreshed.

        Args:
            read: What `read` returned for the request.
            now_seconds: When its prompt was processed.
        """
        for key, lifetime in read.writes:
            entry = self._entries.get(key)
            if entry is None or entry.is_expired(now_seconds):
                ready_seconds = now_seconds + self._warm_up_seconds
                self._entries[key] = _Entry(now_seconds, ready_seconds, now_seconds, lifetime)
            else:
                entry.used_seconds = now_seconds
                entry.lifetime = max(entry.lifetime, lifetime, key=lambda one: one.idle_seconds)
            self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def evict(self, organization: str | None = None) -> int:
        """Drop what is cached, as a deployment by the provider does, and return how many entries were removed.

        Args:
            organization: Drop only this one's entries. None: all entries.
        """
        doomed = [k for k in self._entries if organization is None or k.scope.organization == organization]
        for key in doomed:
            del self._entries[key]
        return len(doomed)

    def clear(self) -> None:
        """Return to the state of a new cache, with the same unexplained misses to come."""
        self._random.seed(self._seed)
        self._entries.clear()
        self._router.clear()

    def _route(self, stream: TokenStream, scope: CacheScope, now_seconds: float) -> int:
        head = [*stream.tokens[:HEAD_TOKENS], scope.cache_key or ""]
        head_digest = prefix_digests(head, [len(head)])[len(head)]
        group = (scope.organization, scope.model, scope.cache_key or head_digest)
        return self._router.route(head_digest, group, now_seconds)

    def _is_readable(self, key: EntryKey, now_seconds: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.is_readable(now_seconds)

    def _touch(self, key: EntryKey, now_seconds: float) -> None:
        self._entries[key].used_seconds = now_seconds
        self._entries.move_to_end(key)


def _charged_tokens(writable: tuple[Boundary, ...], cached_tokens: int) -> dict[Ttl, int]:
    """Split the tokens written beyond the cached ones by lifetime.

    Assumption: a breakpoint with the longer lifetime keeps everything before it for as long, so tokens are
    charged at the longest TTL of the breakpoints after them. The provider publishes no rule.
    """
    longest_tokens = max((b.reported_tokens for b in writable), default=0)
    longest_12h_tokens = max((b.reported_tokens for b in writable if b.ttl == "12h"), default=0)
    return {
        "30m": max(0, longest_tokens - max(cached_tokens, longest_12h_tokens)),
        "12h": max(0, longest_12h_tokens - cached_tokens),
    }
