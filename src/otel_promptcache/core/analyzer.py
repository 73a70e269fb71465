"""Turns what was sent and what was reported into the one frozen record that is emitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from otel_promptcache.core.diagnosis.reasons import MissReason, MissSource
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.money.pricing import CostBreakdown, ModelPrice, cost, missed_savings_usd
from otel_promptcache.core.money.usage import TokenUsage, UsageError
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity


class CacheResult(str, Enum):
    """How a request fared with the prompt cache."""

    HIT = "hit"
    PARTIAL = "partial"
    """Something was read, but clearly less than could have been."""
    MISS = "miss"
    INELIGIBLE = "ineligible"
    """The prompt is shorter than the provider's minimum, or the model has no prompt cache."""
    GATEWAY_HIT = "gateway_hit"
    """A gateway answered from a cache of its own, so the provider was not asked."""
    UNKNOWN = "unknown"
    """The cached part was not reported, which is not the same as a reported zero."""


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What one request did with the prompt cache: all that is emitted about it."""

    prefix: PrefixIdentity | None
    """None if the prompt could not be read."""
    prefix_name: str | None
    """What the application calls the template, if it said so."""
    result: CacheResult
    usage: TokenUsage
    diagnosis: Diagnosis
    cost: CostBreakdown | None
    """None if the dollars cannot be known; they are never guessed."""
    missed_savings_usd: float | None
    """What the miss cost; None also if nothing was missed."""
    is_answered: bool
    """A response came, so the provider bills the request even if we do not know how much."""
    usage_error: UsageError | None = None
    """Why the reported usage is impossible; `usage` is unknown then."""


def classify(usage: TokenUsage, policy: CachePolicy, diagnosis: Diagnosis) -> CacheResult:
    """Judge a request by what the provider reported and by what it could have cached."""
    if usage.cache_read_tokens is None:
        return CacheResult.UNKNOWN
    if usage.cache_read_tokens > 0:
        return CacheResult.PARTIAL if diagnosis.missed_tokens else CacheResult.HIT
    if not policy.has_cache:
        return CacheResult.INELIGIBLE
    return CacheResult.INELIGIBLE if _is_too_short(usage, policy) else CacheResult.MISS


def analyze(
    *,
    prefix: PrefixIdentity | None,
    prefix_name: str | None,
    usage: TokenUsage,
    diagnosis: Diagnosis,
    policy: CachePolicy,
    price: ModelPrice | None,
    is_answered: bool,
    usage_error: UsageError | None = None,
) -> CacheReport:
    """Combine the request side and the response side of one call into its report."""
    result = classify(usage, policy, diagnosis)
    if result is CacheResult.INELIGIBLE:
        is_short = _is_too_short(usage, policy)
        diagnosis = replace(
            diagnosis,
            reason=MissReason.BELOW_MINIMUM if is_short else None,
            source=MissSource.CLIENT if is_short else None,
            missed_tokens=None,
            place=None,
            changes=(),
            is_other_template=False,
        )
    missed_savings = None
    if price is not None and diagnosis.missed_tokens:
        missed_savings = missed_savings_usd(usage, price, diagnosis.missed_tokens)
    return CacheReport(
        prefix=prefix,
        prefix_name=prefix_name,
        result=result,
        usage=usage,
        diagnosis=diagnosis,
        cost=None if price is None else cost(usage, price),
        missed_savings_usd=missed_savings,
        usage_error=usage_error,
        is_answered=is_answered,
    )


def gateway_hit(prefix: PrefixIdentity | None, prefix_name: str | None) -> CacheReport:
    """The report of a request that never reached the provider: nothing was read, missed or billed."""
    return CacheReport(
        prefix=prefix,
        prefix_name=prefix_name,
        result=CacheResult.GATEWAY_HIT,
        usage=TokenUsage(),
        diagnosis=Diagnosis(),
        cost=None,
        missed_savings_usd=None,
        is_answered=False,
    )


def _is_too_short(usage: TokenUsage, policy: CachePolicy) -> bool:
    is_short = (
        policy.minimum_tokens is not None
        and usage.input_tokens is not None
        and usage.input_tokens < policy.minimum_tokens
    )
    # A write proves that the provider found the prompt long enough, whatever our table says.
    return is_short and not usage.cache_write_tokens
