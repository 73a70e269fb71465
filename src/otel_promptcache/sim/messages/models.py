"""From how many tokens on a prompt is cached, by model."""

from __future__ import annotations

import re

_MINIMUM_TOKENS: tuple[tuple[str, int], ...] = (
    (r"(?:opus|sonnet|haiku)-5-5|opus-5|fable-5|mythos-5", 512),
    (r"opus-4-7|mythos-preview|haiku-3-5|3-5-haiku", 2_048),
    (r"opus-4-[56]|haiku-4-5", 4_096),
)
_OTHER_MINIMUM_TOKENS = 1_024

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5",
          "claude-opus-4-6", "claude-haiku-4-5")  # fmt: skip
"""Those that the list of models has."""

LIFETIME_SECONDS = {"5m": 300.0, "1h": 3_600.0}
"""How long an entry lives, by the `ttl` of its marker. Source: Anthropic, prompt caching (checked 2026-11-26)."""
DEFAULT_TTL = "5m"
MAX_MARKERS = 4
LOOKBACK_BLOCKS = 20
"""Positions that are checked for each marker, its own first. Source: the same."""


def minimum_tokens(model: str) -> int:
    """Return the length of the shortest prefix that is cached.

    Source: Anthropic, prompt caching, cache limitations (checked 2026-11-26).
    """
    return next(
        (tokens for names, tokens in _MINIMUM_TOKENS if re.search(names, model)), _OTHER_MINIMUM_TOKENS
    )
