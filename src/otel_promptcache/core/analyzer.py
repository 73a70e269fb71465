"""From what was sent and what was reported to the one frozen record that is emitted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from otel_promptcache.core.fingerprint import PrefixIdentity
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.pricing import CostBreakdown, ModelPrice, cost
from otel_promptcache.core.usage import TokenUsage


class CacheResult(str, Enum):
    """How a request fared with the prompt cache."""

    HIT = "hit"
    MISS = "miss"
    INELIGIBLE = "ineligible"
    """The prompt is shorter than the provider's minimum, or the model has no prompt cache."""
    UNKNOWN = "unknown"
    """The cached part was not reported, which is not the same as a reported zero."""


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What one request did with the prompt cache: all that is emitted about it."""

    prefix: PrefixIdentity | None
    """None where the prompt could not be read."""
    prefix_name: str | None
    """What the application calls the template, if it said so."""
    result: CacheResult
    usage: TokenUsage
    cost: CostBreakdown | None
    """None where the dollars cannot be known; they are never guessed."""
    is_answered: bool
    """A response came, so the provider bills the request even where we do not know for how much."""


def classify(usage: TokenUsage, policy: CachePolicy) -> CacheResult:
    """Judge a request by what the provider reported and by what it could have cached."""
    if usage.cache_read_tokens is None:
        return CacheResult.UNKNOWN
    if usage.cache_read_tokens > 0:
        return CacheResult.HIT
    if not policy.has_cache:
        return CacheResult.INELIGIBLE
    if usage.input_tokens is None:
        return CacheResult.MISS
    is_short = policy.minimum_tokens is not None and usage.input_tokens < policy.minimum_tokens
    # A write proves that the provider took the prompt for long enough, whatever our table says.
    return CacheResult.INELIGIBLE if is_short and not usage.cache_write_tokens else CacheResult.MISS


def analyze(
    *,
    prefix: PrefixIdentity | None,
    prefix_name: str | None,
    usage: TokenUsage,
    policy: CachePolicy,
    price: ModelPrice | None,
    is_answered: bool,
) -> CacheReport:
    """Combine the request side and the response side of one call into its report."""
    return CacheReport(
        prefix=prefix,
        prefix_name=prefix_name,
        result=classify(usage, policy),
        usage=usage,
        cost=None if price is None else cost(usage, price),
        is_answered=is_answered,
    )
