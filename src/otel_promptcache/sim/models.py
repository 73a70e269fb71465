"""Which cache rules hold for which model: data, each with its source.

Two generations of rules exist. Up to gpt-5.5 a prompt is cached in blocks of fixed size; from gpt-5.6 on at
exact boundaries, which are also what a request pays for writing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Retention = Literal["in_memory", "24h"]
Ttl = Literal["30m", "12h"]
ReasoningContext = Literal["current_turn", "all_turns"]
"""Whether the model sees the reasoning of earlier turns: by default all of it from gpt-5.6 on, none before.

Source: the `context` docstring in openai-python 3.52's `types/shared/reasoning.py` (checked 2026-11-20).
"""

RETENTIONS: tuple[Retention, ...] = ("in_memory", "24h")
TTLS: tuple[Ttl, ...] = ("30m", "12h")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a cached prefix can be read.

    Attributes:
        idle_seconds: It expires this long after its last write or reuse.
        cap_seconds: It expires this long after its write, reused or not. None: reuse extends it for ever.
    """

    idle_seconds: float
    cap_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class BlockPolicy:
    """Caching in blocks: what was reused is reported in steps, nothing is charged for writing.

    Attributes:
        name: For logs and the recorded requests.
        block_tokens: Distance of the cacheable positions.
        lifetimes: Lifetime under each retention the model supports.
        source: Where the rules come from.
        default_retention: Without zero data retention. With it, `in_memory` where supported.
        counts_hidden_tokens: Whether the distance is counted from the start of the hidden tokens, not from
            that of the visible ones.
        report_step_tokens: Reported counts, which leave out the hidden tokens, are rounded down to a multiple
            of this.
        minimum_tokens: Nothing shorter is cached or reported.
        reasoning_context: Whether reasoning of earlier turns stays in the prompt.
    """

    name: str
    block_tokens: int
    lifetimes: dict[Retention, Lifetime]
    source: str
    default_retention: Retention = "24h"
    counts_hidden_tokens: bool = False
    report_step_tokens: int = 128
    minimum_tokens: int = 1024
    reasoning_context: ReasoningContext = "current_turn"

    def retention(self, *, zero_data_retention: bool) -> Retention:
        """Return the retention of a request that names none."""
        return (
            "in_memory" if zero_data_retention and "in_memory" in self.lifetimes else self.default_retention
        )


def _ttl_lifetimes() -> dict[Ttl, Lifetime]:
    return {"30m": Lifetime(30 * 60.0), "12h": Lifetime(12 * 3600.0)}


@dataclass(frozen=True, slots=True)
class BreakpointPolicy:
    """Caching at exact boundaries, with a charge for the tokens written.

    Attributes:
        name: For logs and the recorded requests.
        source: Where the rules come from.
        lifetimes: Lifetime for each TTL; it starts anew with every reuse.
        minimum_tokens: Boundaries with fewer visible tokens before them do not exist.
        max_writes: Boundaries one request can write, the implicit one included.
        first_explicit_lookups: Explicit breakpoints considered from the start of the prompt...
        latest_explicit_lookups: ...and from its end.
        earlier_message_lookups: Earlier message endings considered in implicit mode.
        reasoning_context: Whether reasoning of earlier turns stays in the prompt.
    """

    name: str
    source: str
    lifetimes: dict[Ttl, Lifetime] = field(default_factory=_ttl_lifetimes)
    minimum_tokens: int = 1024
    max_writes: int = 4
    first_explicit_lookups: int = 2
    latest_explicit_lookups: int = 50
    earlier_message_lookups: int = 20
    reasoning_context: ReasoningContext = "all_turns"


@dataclass(frozen=True, slots=True)
class NoCachePolicy:
    """A model without prompt caching: every request reads 0 and writes 0.

    Attributes:
        name: For logs and the recorded requests.
        source: Where the rules come from.
        reasoning_context: Whether reasoning of earlier turns stays in the prompt.
    """

    name: str
    source: str
    reasoning_context: ReasoningContext = "current_turn"


CachePolicy = BlockPolicy | BreakpointPolicy | NoCachePolicy

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
"""What the response's `model` says for a model that was asked for by its alias.

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
"""Which tier serves a request that asks for the one on the left.

Source: the `service_tier` docstring in openai-python 3.52's `types/responses/response.py` (checked
    2026-11-20).
"""


def policy_for(model: str) -> CachePolicy:
    """Return the cache rules of a model; `UNKNOWN_MODEL` where no family matches."""
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
