"""The cache of servers that keep pages of prompts until they need the space.

A pure model, like `sim.cache.cache`: no I/O; the time is an argument.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass

from otel_promptcache.sim.cache.cache import CacheRead, CacheScope, EntryKey
from otel_promptcache.sim.cache.policies import Lifetime, PagePolicy
from otel_promptcache.sim.cache.prompt import TokenStream
from otel_promptcache.sim.cache.tokens import prefix_digests

_Writes = tuple[tuple[EntryKey, Lifetime], ...]


@dataclass(slots=True)
class _Page:
    ready_seconds: float
    used_seconds: float
    lifetime: Lifetime

    def is_expired(self, now_seconds: float) -> bool:
        return now_seconds > self.used_seconds + self.lifetime.idle_seconds


class PageCache:
    """Pages of earlier prompts, each identified by all tokens up to its end. Not thread-safe.

    All requests read the same cache: there are no machines and no request limit.

    Args:
        warm_up_seconds: How long after its write a page becomes readable.
        unexplained_miss_rate: Share of requests that read nothing, for no reason the client could know.
        max_pages: Above this, the least recently used pages are evicted, the ends of prompts before their starts.
        seed: Seed for the unexplained misses.
    """

    def __init__(
        self,
        *,
        warm_up_seconds: float = 0.0,
        unexplained_miss_rate: float = 0.0,
        max_pages: int = 200_000,
        seed: int = 0,
    ) -> None:
        self._warm_up_seconds = warm_up_seconds
        self._unexplained_miss_rate = unexplained_miss_rate
        self._max_pages = max_pages
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose
        self._pages: OrderedDict[EntryKey, _Page] = OrderedDict()
        self._seen: OrderedDict[EntryKey, None] = OrderedDict()
        """Pages of earlier prompts, readable or not, to find the prefixes that prompts share."""

    def __len__(self) -> int:
        return len(self._pages)

    def read(
        self,
        stream: TokenStream,
        scope: CacheScope,
        policy: PagePolicy,
        now_seconds: float,
        *,
        miss: bool = False,
    ) -> CacheRead:
        """Read the longest prefix of a prompt that is cached; it counts as used.

        Nothing is written yet: pass the result to `write` when the prompt has been processed.

        Args:
            stream: The rendered prompt.
            scope: Whose cache is read.
            policy: The server's rules.
            now_seconds: The time of arrival.
            miss: Find nothing, whatever is cached.
        """
        keys = _page_keys(stream, scope, policy)
        readable = (stream.input_tokens - policy.recomputed_tokens) // policy.page_tokens
        miss = self._random.random() < self._unexplained_miss_rate or miss
        live = [] if miss else [n for n in range(readable) if self._is_readable(keys[n], now_seconds)]
        for number in reversed(live):
            self._touch(keys[number], now_seconds)
        cached_pages = live[-1] + 1 if live else 0
        return CacheRead(
            input_tokens=stream.input_tokens,
            cached_tokens=cached_pages * policy.page_tokens,
            write_tokens=(len(keys) - cached_pages) * policy.page_tokens,
            write_tokens_by_ttl={},
            machine=0,
            policy=policy,
            reusable_position=stream.hidden_tokens + len(keys) * policy.page_tokens if keys else None,
            writes=tuple((key, policy.lifetime) for key in keys),
        )

    def write(self, read: CacheRead, now_seconds: float) -> None:
        """Cache a prompt's pages for later requests; those already cached are refreshed.

        Args:
            read: What `read` returned for the request.
            now_seconds: When its prompt was processed.
        """
        self._leave(
            read.writes, now_seconds, has_units=isinstance(read.policy, PagePolicy) and read.policy.has_units
        )

    def extend(self, stream: TokenStream, scope: CacheScope, policy: PagePolicy, now_seconds: float) -> None:
        """Cache the pages of a prompt together with its answer.

        Args:
            stream: Prompt and answer, as rendered in the next request of the conversation.
            scope: Whose cache is written.
            policy: The server's rules.
            now_seconds: When the answer was finished.
        """
        writes = tuple((key, policy.lifetime) for key in _page_keys(stream, scope, policy))
        self._leave(writes, now_seconds, has_units=policy.has_units)

    def evict(self, organization: str | None = None) -> int:
        """Drop what is cached and return how many pages were removed.

        Args:
            organization: Drop only this one's pages. None: all pages.
        """
        before = len(self._pages)
        for held in (self._pages, self._seen):
            for key in [k for k in held if organization is None or k.scope.organization == organization]:
                del held[key]
        return before - len(self._pages)

    def clear(self) -> None:
        """Return to the state of a new cache, with the same unexplained misses to come."""
        self._random.seed(self._seed)
        self._pages.clear()
        self._seen.clear()

    def _leave(self, writes: _Writes, now_seconds: float, *, has_units: bool) -> None:
        # The end of a prompt first, so that it is also evicted first: a page is useless without those before it.
        for key, lifetime in reversed(self._units(writes) if has_units else writes):
            page = self._pages.get(key)
            if page is None or page.is_expired(now_seconds):
                self._pages[key] = _Page(now_seconds + self._warm_up_seconds, now_seconds, lifetime)
            self._touch(key, now_seconds)
        while len(self._pages) > self._max_pages:
            self._pages.popitem(last=False)

    def _units(self, writes: _Writes) -> _Writes:
        """Return the pages at which a unit ends: the last one, and the last one that an earlier prompt also had."""
        common = [write for write in writes if write[0] in self._seen]
        for key, _ in reversed(writes):
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > self._max_pages:
            self._seen.popitem(last=False)
        return tuple(dict.fromkeys((*common[-1:], *writes[-1:])))

    def _is_readable(self, key: EntryKey, now_seconds: float) -> bool:
        page = self._pages.get(key)
        return page is not None and page.ready_seconds <= now_seconds and not page.is_expired(now_seconds)

    def _touch(self, key: EntryKey, now_seconds: float) -> None:
        self._pages[key].used_seconds = now_seconds
        self._pages.move_to_end(key)


def _page_keys(stream: TokenStream, scope: CacheScope, policy: PagePolicy) -> list[EntryKey]:
    """Return the whole pages of a prompt, in order. A request's tier and key do not separate them."""
    scope = scope._replace(service_tier="", cache_key=None)
    first = stream.hidden_tokens + policy.page_tokens
    ends = range(first, len(stream.tokens) + 1, policy.page_tokens)
    digests = prefix_digests(stream.tokens, ends)
    return [EntryKey(scope, 0, digests[end]) for end in ends]
