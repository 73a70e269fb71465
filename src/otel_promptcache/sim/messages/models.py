"""How models differ: in the shortest prompt that is cached, and in what happens to earlier thinking."""

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
"""The models that the model list offers."""

LIFETIME_SECONDS = {"5m": 300.0, "1h": 3_600.0}
"""Lifetime of an entry, by the `ttl` of its marker. Source: Anthropic, prompt caching (checked 2026-11-26)."""
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


_FORGETS_THINKING = re.compile(
    r"3-7-sonnet|(?:sonnet|opus)-4(?:-0)?(?![-\d])|(?:sonnet|opus)-4-20|opus-4-1|(?:sonnet|haiku)-4-5"
)


def forgets_thinking(model: str) -> bool:
    """Return whether the model drops earlier thinking when the user speaks again.

    Source: Anthropic, prompt caching with thinking blocks (checked 2026-11-26).
    """
    return _FORGETS_THINKING.search(model) is not None
