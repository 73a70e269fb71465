"""The cache rules of each model: data, with sources."""

from __future__ import annotations

import re

from otel_promptcache.sim.cache.policies import (
    BlockPolicy,
    BreakpointPolicy,
    CachePolicy,
    Lifetime,
    NoCachePolicy,
    Retention,
)

_GUIDE = "https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20)"

EXACT_BREAKPOINTS = BreakpointPolicy(
    name="exact-breakpoints",
    source=f"{_GUIDE}. The guide looks up the first 2 and latest 50 explicit breakpoints, the SDK's "
    "docstring says the latest 80: unsettled; the guide is followed.",
)
"""gpt-5.6 and later.

Source: https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20)
"""

BLOCKS_OF_2048 = BlockPolicy(
    name="blocks-of-2048",
    block_tokens=2048,
    counts_hidden_tokens=True,
    lifetimes={"24h": Lifetime(idle_seconds=30 * 60.0, cap_seconds=24 * 3600.0)},
    source=f"{_GUIDE}: breakpoints every 2,048 tokens, `24h` only, typically about 30 minutes.",
)
"""gpt-5.5.

Source: https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20)
"""

_IN_MEMORY_OR_24H: dict[Retention, Lifetime] = {
    "in_memory": Lifetime(idle_seconds=5 * 60.0, cap_seconds=3600.0),
    "24h": Lifetime(idle_seconds=24 * 3600.0, cap_seconds=24 * 3600.0),
}

BLOCKS_OF_128 = BlockPolicy(
    name="blocks-of-128",
    block_tokens=128,
    lifetimes=_IN_MEMORY_OR_24H,
    source=f"{_GUIDE}: rounded down to 128; in memory 5 to 10 minutes idle and at most an hour. Assumptions: "
    "cacheable every 128 visible tokens (the guide calls the interval model-dependent; in its first edition "
    "1,920 of 2,006 tokens are cached), 5 minutes idle, no more than 24 hours whatever the reuse.",
)
"""gpt-4o, gpt-4.1, the o-series and gpt-5 up to 5.4.

Source: https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20); the interval is an
assumption.
"""

NO_CACHE = NoCachePolicy(
    name="no-cache",
    source=f"{_GUIDE}: caching is available for gpt-4o and newer.",
)
"""gpt-4, gpt-3.5 and other models before gpt-4o.

Source: https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20)
"""

UNKNOWN_MODEL = BlockPolicy(
    name="unknown-model",
    block_tokens=128,
    lifetimes=_IN_MEMORY_OR_24H,
    source="Assumption: a model that no family matches is treated like gpt-4o.",
)
"""Any name no family matches. An assumption, not a rule of any vendor."""

FAMILIES: tuple[tuple[re.Pattern[str], CachePolicy], ...] = (
    (re.compile(r"gpt-5\.([6-9]|\d{2,})\b.*"), EXACT_BREAKPOINTS),
    (re.compile(r"gpt-([6-9]|\d{2,})\b.*"), EXACT_BREAKPOINTS),
    (re.compile(r"gpt-daybreak-.*|gpt-rosalind-.*"), EXACT_BREAKPOINTS),
    (re.compile(r"gpt-5\.5\b.*"), BLOCKS_OF_2048),
    (re.compile(r"gpt-5\b.*|gpt-4o\b.*|gpt-4\.[15]\b.*|chatgpt-4o-.*"), BLOCKS_OF_128),
    (re.compile(r"o[134]\b.*|codex-mini-.*|computer-use-.*|gpt-audio.*"), BLOCKS_OF_128),
    (re.compile(r"gpt-4\b.*|gpt-3\.5-.*|davinci-.*|babbage-.*|text-embedding-.*"), NO_CACHE),
)
"""Patterns for whole model names, with the rules of those models; the first match wins."""

ALIASES: dict[str, str] = {
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-4": "gpt-4-0613",
    "gpt-4-turbo": "gpt-4-turbo-2024-04-09",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "o1": "o1-2024-12-17",
    "o3": "o3-2025-04-16",
    "o3-mini": "o3-mini-2025-01-31",
    "o4-mini": "o4-mini-2025-04-16",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "gpt-5.1": "gpt-5.1-2025-11-13",
    "gpt-5.2": "gpt-5.2-2025-12-11",
    "gpt-5.4-mini": "gpt-5.4-mini-2026-03-17",
    "gpt-5.4-nano": "gpt-5.4-nano-2026-03-17",
    "gpt-5.5": "gpt-5.5-2026-04-23",
    "gpt-5.5-pro": "gpt-5.5-pro-2026-04-23",
    "gpt-5.6": "gpt-5.6-sol",
}
"""The response's `model` for a model that was requested by its alias.

Source: the model names in openai-python 3.52's `types/shared/chat_model.py` (checked 2026-11-20). Assumption:
each alias resolves to the snapshot named here.
"""

_WITHOUT_ALIAS = (
    *("gpt-5.4", "gpt-5.6-terra", "gpt-5.6-luna"),
    *("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra"),
)

SERVICE_TIERS: dict[str, str] = {
    "auto": "default",
    "default": "default",
    "flex": "flex",
    "scale": "scale",
    "priority": "priority",
    "fast": "priority",
    "ultrafast": "ultrafast",
}
"""Maps the service tier a request asks for to the one that serves it.

Source: the `service_tier` docstring in openai-python 3.52's `types/responses/response.py` (checked
    2026-11-20).
"""


def policy_for(model: str) -> CachePolicy:
    """Return the cache rules of a model; `UNKNOWN_MODEL` if no family matches."""
    matches = (policy for pattern, policy in FAMILIES if pattern.fullmatch(model))
    return next(matches, UNKNOWN_MODEL)


def is_known(model: str) -> bool:
    """Tell whether a family matches the model's name."""
    return policy_for(model) is not UNKNOWN_MODEL


def resolve_alias(model: str) -> str:
    """Return the snapshot an alias stands for, or the name itself."""
    return ALIASES.get(model, model)


def model_names() -> tuple[str, ...]:
    """Return the names the model list offers, aliases and snapshots, sorted."""
    return tuple(sorted({*ALIASES, *ALIASES.values(), *_WITHOUT_ALIAS}))
