"""The one provider of all processes: the local provider's cache without its server."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.diagnosis.requests import Body
from otel_promptcache.core.money.pricing import ModelPrice, cost
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.sim.cache.cache import CacheRead, CacheScope, PromptCache
from otel_promptcache.sim.cache.caching_fields import read_caching_fields
from otel_promptcache.sim.cache.models import policy_for
from otel_promptcache.sim.cache.policies import BreakpointPolicy
from otel_promptcache.sim.cache.prompt import render
from otel_promptcache.sim.http.chat_api.chat_prompt import chat_prompt

# Source: genai-prices 0.2.3 (checked 2026-11-25).
PRICES = {"gpt-4.1": ModelPrice(2.0, 0.5), "gpt-5.6-sol": ModelPrice(4.0, 0.4, 5.0)}
_MISS_RATE = 0.02
"""Share of requests that the provider misses for internal reasons."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the provider did with one request."""

    model: str
    usage: TokenUsage
    read: CacheRead

    @property
    def input_cost_usd(self) -> float:
        """What is billed for the input."""
        priced = cost(self.usage, PRICES[self.model])
        return priced.input_cost_usd if priced else 0.0


class Provider:
    """A cache that outlives all processes. Unused prefixes expire after 5 minutes, at exact boundaries after 30."""

    def __init__(self, seed: int) -> None:
        self._cache = PromptCache(unexplained_miss_rate=_MISS_RATE, zero_data_retention=True, seed=seed)

    def read(self, body: Body, now_seconds: float) -> Served:
        """Accept a request and read the cache for it; call `write` once the prompt is processed."""
        model = body["model"]
        policy = policy_for(model)
        fields = read_caching_fields(body, "chat", model, policy)
        scope = CacheScope("organization", model, "default", fields.cache_key)
        stream = render(chat_prompt(body, model, policy))
        read = self._cache.read(stream, scope, policy, fields.options, now_seconds)
        written = read.write_tokens if isinstance(policy, BreakpointPolicy) else None
        usage = TokenUsage(
            input_tokens=read.input_tokens,
            cache_read_tokens=read.cached_tokens,
            cache_write_tokens=written,
        )
        return Served(model, usage, read)

    def write(self, served: Served, now_seconds: float) -> None:
        """Write the prompt to the cache for later requests."""
        self._cache.write(served.read, now_seconds)
