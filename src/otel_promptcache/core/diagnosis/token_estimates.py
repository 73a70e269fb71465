"""Estimates tokens from bytes, between the places whose tokens a provider has reported."""

from __future__ import annotations

from typing import NamedTuple

from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy

_ESTIMATE_TOLERANCE = 0.25
"""Share by which tokens estimated from bytes may be off: texts differ in bytes per token."""
_ROUNDING_TOKENS = 128
_MAX_ROUNDING_TOKENS = 512
"""The most that a provider leaves out of a report by rounding, however wide the steps."""


class Estimate(NamedTuple):
    """Tokens that could have been read; 0 if none."""

    tokens: int
    """By proportion of bytes, from the nearest place whose tokens the provider reported."""
    sure_tokens: int
    """A lower bound, as far as bytes can tell."""


NOTHING = Estimate(0, 0)


def rounding_tokens(policy: CachePolicy) -> int:
    """How many tokens may be missing from a report without meaning anything."""
    return min(max(policy.step_tokens or 0, _ROUNDING_TOKENS), _MAX_ROUNDING_TOKENS)


def readable_estimate(
    match: PrefixMatch, end_bytes: int, sent: SentPrompt, policy: CachePolicy, input_tokens: int
) -> Estimate:
    """How many tokens of the first bytes of a prompt can be read under the rules."""
    if not policy.has_cache or not end_bytes:
        return NOTHING
    # If no step is published, one as wide as any is assumed, so that no more is expected than can be read.
    minimum_tokens, step_tokens = policy.minimum_tokens or 0, policy.step_tokens or _ROUNDING_TOKENS
    tokens, error_tokens = tokens_up_to(match, end_bytes, sent, input_tokens)
    usable = tokens - tokens % step_tokens
    sure = tokens - error_tokens
    sure -= sure % step_tokens
    return Estimate(usable if usable >= minimum_tokens else 0, sure if sure >= minimum_tokens else 0)


def tokens_up_to(match: PrefixMatch, end_bytes: int, sent: SentPrompt, input_tokens: int) -> tuple[int, int]:
    """Tokens of the first bytes of a prompt, from the nearest place whose tokens are known, and the possible error."""
    known_bytes, known_tokens = 0, 0
    for step in match.steps:
        if step.tokens is not None and step.end_bytes <= end_bytes and step.tokens <= input_tokens:
            known_bytes, known_tokens = step.end_bytes, step.tokens
    rest_bytes = sent.prompt.size_bytes - known_bytes
    if rest_bytes <= 0:
        return known_tokens, 0
    estimated = round((end_bytes - known_bytes) * (input_tokens - known_tokens) / rest_bytes)
    error = 0 if end_bytes == sent.prompt.size_bytes else int(estimated * _ESTIMATE_TOLERANCE)
    return known_tokens + estimated, error


def estimated_offset_tokens(sent: SentPrompt, offset_bytes: int, input_tokens: int) -> int:
    """The offset of a byte in a prompt, in tokens, by proportion."""
    total_bytes = sent.prompt.size_bytes
    return round(offset_bytes * input_tokens / total_bytes) if total_bytes else 0
