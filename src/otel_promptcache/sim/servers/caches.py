"""The caches of one simulated server; a model's rules determine which one serves its requests."""

from __future__ import annotations

from otel_promptcache.sim.cache.boundaries import CachingOptions
from otel_promptcache.sim.cache.cache import CacheRead, CacheScope, PromptCache
from otel_promptcache.sim.cache.policies import CachePolicy, PagePolicy
from otel_promptcache.sim.cache.prompt import TokenStream
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.servers.page_cache import PageCache


class Caches:
    """OpenAI's cache, and the one for servers with pages. Not thread-safe.

    Args:
        config: The simulator's settings.
    """

    def __init__(self, config: SimConfig) -> None:
        self._prompts = PromptCache(
            machines=config.machines,
            overflow_requests_per_minute=config.overflow_requests_per_minute,
            warm_up_seconds=config.warm_up_seconds,
            unexplained_miss_rate=config.unexplained_miss_rate,
            zero_data_retention=config.zero_data_retention,
            max_entries=config.max_cache_entries,
            seed=config.seed,
        )
        self._pages = PageCache(
            warm_up_seconds=config.warm_up_seconds,
            unexplained_miss_rate=config.unexplained_miss_rate,
            max_pages=config.max_cache_entries,
            seed=config.seed,
        )

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
        """Read the longest prefix that is cached; the arguments are those of `PromptCache.read`."""
        if isinstance(policy, PagePolicy):
            return self._pages.read(stream, scope, policy, now_seconds, miss=miss)
        return self._prompts.read(stream, scope, policy, options, now_seconds, miss=miss)

    def write(self, read: CacheRead, now_seconds: float) -> None:
        """Cache a request's prefixes for later ones, once its prompt has been processed."""
        cache = self._pages if isinstance(read.policy, PagePolicy) else self._prompts
        cache.write(read, now_seconds)

    def extend(self, stream: TokenStream, scope: CacheScope, policy: PagePolicy, now_seconds: float) -> None:
        """Cache a prompt together with its answer; the arguments are those of `PageCache.extend`."""
        self._pages.extend(stream, scope, policy, now_seconds)

    def evict(self, organization: str | None = None) -> int:
        """Drop the entries of one organization or of all, and return how many were removed."""
        return self._prompts.evict(organization) + self._pages.evict(organization)

    def clear(self) -> None:
        """Return to the state of new caches."""
        self._prompts.clear()
        self._pages.clear()
