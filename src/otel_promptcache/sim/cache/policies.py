"""The form of a model's cache rules, one class for each generation.

Up to gpt-5.5 a prompt is cached in blocks of fixed size. From gpt-5.6 on it is cached at exact boundaries, and
requests pay for what they write there. Servers other than OpenAI cache in small pages.
"""

from __future__ import annotations

import math
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
        cap_seconds: It expires this long after its write, reused or not. None: reuse extends it indefinitely.
    """

    idle_seconds: float
    cap_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class BlockPolicy:
    """Caching in blocks: reuse is reported in steps, and writing is free.

    Attributes:
        name: For logs and the recorded requests.
        block_tokens: Distance between cacheable positions.
        lifetimes: Lifetime under each retention the model supports.
        source: Where the rules come from.
        default_retention: Retention without zero data retention. With it, `in_memory` if supported.
        counts_hidden_tokens: Whether the distance is counted from the start of the hidden tokens, not of
            the visible ones.
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
        lifetimes: Lifetime for each TTL; every reuse restarts it.
        minimum_tokens: Boundaries with fewer visible tokens before them are ignored.
        max_writes: Boundaries one request can write, the implicit one included.
        first_explicit_lookups: Explicit breakpoints looked up from the start of the prompt.
        latest_explicit_lookups: Explicit breakpoints looked up from its end.
        earlier_message_lookups: Earlier message endings looked up in implicit mode.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePolicy:
    """Automatic caching in small pages, as in self-hosted servers. Requests cannot influence it.

    Attributes:
        name: For logs and the recorded requests.
        page_tokens: Distance between cacheable positions; only whole pages are cached and reported.
        lifetime: How long a page can be read, unless it is evicted earlier.
        recomputed_tokens: How many tokens at the end of a prompt are always recomputed, even if they are cached.
        has_units: Whether a prefix can only be read up to the end of a unit: the end of an earlier prompt or answer,
            or the end of a prefix that two earlier prompts share.
        reasoning_context: Whether reasoning of earlier turns stays in the prompt.
    """

    name: str
    page_tokens: int
    lifetime: Lifetime = Lifetime(math.inf)
    recomputed_tokens: int = 0
    has_units: bool = False
    reasoning_context: ReasoningContext = "current_turn"


CachePolicy = BlockPolicy | BreakpointPolicy | NoCachePolicy | PagePolicy
