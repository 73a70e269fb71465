"""Prompts of exact size, for tests of the cache model."""

from __future__ import annotations

from typing import Any

from otel_promptcache.sim.cache.boundaries import CachingOptions
from otel_promptcache.sim.cache.cache import CacheRead, CacheScope, PromptCache
from otel_promptcache.sim.cache.models import policy_for
from otel_promptcache.sim.cache.policies import CachePolicy, Ttl
from otel_promptcache.sim.cache.prompt import (
    Block,
    Marker,
    Message,
    Prompt,
    Role,
    Settings,
    TokenStream,
    render,
)
from otel_promptcache.sim.cache.tokens import filler_text, tokenize

NEW, MIDDLE, OLD = "gpt-5.6-sol", "gpt-5.5", "gpt-4o"

FRAME_TOKENS = 3
"""Tokens of a message in addition to its content."""


def message(role: Role, tokens: int, seed: object = 0, *, marker: Marker | None = None) -> Message:
    """A message of exactly that many tokens, frame included."""
    text = filler_text(tokens - FRAME_TOKENS, str(seed))
    return Message(role, (Block(tuple(tokenize(text)), marker),))


def stream_of(*messages: Message, model: str = NEW, **settings: Any) -> TokenStream:
    return render(Prompt(Settings(model, **settings), messages=messages))


def mark(ttl: Ttl | None = None) -> Marker:
    return Marker(ttl)


class Provider:
    """A cache with one model, organization, tier and key, and its own clock."""

    def __init__(self, model: str = NEW, **knobs: Any) -> None:
        knobs.setdefault("overflow_requests_per_minute", None)
        self.cache = PromptCache(**knobs)
        self.model = model
        self.policy: CachePolicy = policy_for(model)
        self.scope = CacheScope("org", model, "default", None)
        self.now_seconds = 1000.0

    def ask(
        self,
        *messages: Message,
        options: CachingOptions | None = None,
        key: str | None = None,
        scope: CacheScope | None = None,
        miss: bool = False,
        write: bool = True,
        **settings: Any,
    ) -> CacheRead:
        stream = stream_of(*messages, model=self.model, **settings)
        read = self.cache.read(
            stream,
            scope or self.scope._replace(cache_key=key),
            self.policy,
            options or CachingOptions(),
            self.now_seconds,
            miss=miss,
        )
        if write:
            self.cache.write(read, self.now_seconds)
        return read
