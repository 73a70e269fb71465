"""How a request asks OpenAI for a longer lifetime of its prefix, by model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.report.rules.snippets import LONGER_LIFETIME, LONGER_RETENTION, LONGER_TTL, Snippet


class LongerLifetime(NamedTuple):
    """How to ask for it."""

    advice: str
    snippet: Snippet


# Source: OpenAI, prompt caching guide (checked 2026-11-20).
_BY_NAME: Mapping[str, LongerLifetime] = {
    "24h": LongerLifetime(
        "Request a longer lifetime: set `prompt_cache_retention` to `24h`.", LONGER_RETENTION
    ),
    "12h": LongerLifetime(
        "Request a longer lifetime on the Responses API: `prompt_cache_options` with a `ttl` of `12h`.",
        LONGER_TTL,
    ),
}
"""By the lifetime's name in a model's policy."""
_OF_SOME_MODEL = LongerLifetime(
    "Request a longer lifetime if the model offers one: `prompt_cache_retention` of `24h` up to gpt-5.4, and from "
    "gpt-5.6 on, `prompt_cache_options` with a `ttl` of `12h` on the Responses API.",
    LONGER_LIFETIME,
)


def longer_lifetime(policy: CachePolicy) -> LongerLifetime | None:
    """The longest lifetime beyond the usual one that requests can ask for; None if the model offers none."""
    if not policy.is_known:
        return _OF_SOME_MODEL
    longest_first = sorted(policy.lifetime_seconds_by_name.items(), key=lambda each: -each[1])
    usual_seconds = policy.lifetime_seconds or 0.0
    names = [name for name, seconds in longest_first if seconds > usual_seconds]
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), None)
