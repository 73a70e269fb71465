"""What it means if an answer does not say how much of its input was cached."""

from __future__ import annotations

from dataclasses import replace

from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.providers.profile import AbsentCount
from otel_promptcache.providers.profiles import OTHER, profile_named

MAX_REPORTERS = 1_024
"""Pairs of a host and a model that have reported cached tokens; further ones are not remembered."""


class CachedCountReporters:
    """Remembers which servers report cached tokens, by model.

    Some servers omit the count if it is zero. So a missing count means zero from a server that has reported one before,
    unless its provider is known to report zeros. From a server that never has, it is unknown.

    Source: GroqCloud, Gemini's compatible API and SGLang leave the details out on a miss (checked 2026-11-25).
    """

    def __init__(self) -> None:
        self.known: set[tuple[str, str]] = set()
        """Endpoints, each with a model, that have reported cached tokens."""

    def completed(self, usage: TokenUsage, endpoint: str, model: str, provider: str = OTHER) -> TokenUsage:
        """The usage, with a zero for a missing count if that is what the provider means by it.

        Args:
            usage: What was reported.
            endpoint: Host and port that the answer is from. What one has shown says nothing about another.
            model: The model that answered.
            provider: A value of `gen_ai.provider.name`.
        """
        reporter = endpoint, model
        if usage.cache_read_tokens is not None:
            if reporter not in self.known and len(self.known) < MAX_REPORTERS:
                self.known.add(reporter)
            return usage
        if usage.input_tokens is None or reporter not in self.known:
            return usage
        profile = profile_named(provider)
        if profile is not None and profile.absent_count is AbsentCount.UNKNOWN:
            return usage
        return replace(usage, cache_read_tokens=0)
