"""Proof that other processes also send the start of a prompt: more of it was read than this one can have sent."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from otel_promptcache.core.comparison.comparison import Comparison
from otel_promptcache.core.diagnosis.case import Case
from otel_promptcache.core.diagnosis.token_estimates import rounding_tokens, tokens_up_to
from otel_promptcache.core.diagnosis.turns import after_answer
from otel_promptcache.core.prompt.chain import PrefixHash

MIN_READ_TOKENS = 1_024
"""Tokens; a shorter read may be of what a server itself prepends to each prompt."""
_DENSITY = 4
"""The ratio by which texts may differ in tokens per byte."""
_MAX_TOKEN_BYTES = 16
"""Average of a whole prompt; a provider that counts fewer tokens, or more than bytes, got a different prompt."""


class Proof(NamedTuple):
    """More was read than this process can have sent, as far as it remembers."""

    unsent: PrefixHash
    """Up to and including the first segment that was read but is not known. If it was forgotten, this is no proof."""
    links: int
    """How many links were read, the last one at least in part."""


def proof_of_others(case: Case, comparison: Comparison | None, known_when_answered: int) -> Proof | None:
    """Tell whether a read shows that another process sends the start of the prompt; None if this one may explain it.

    A whole segment that this process does not know must have been read, beyond the longest prompt that it has sent
    with the same start, and after the model's own answer to that, as some servers can also read their own output. The
    last segment proves nothing, because other prompts may begin the same way.

    Args:
        case: The request.
        comparison: With the earlier prompt that it resembles most; None if none resembles it.
        known_when_answered: How many links of its prompt were known when it was answered.
    """
    links, match, read_tokens = case.sent.prompt.links, case.match, case.read_tokens
    if not case.input_tokens <= case.sent.prompt.size_bytes <= _MAX_TOKEN_BYTES * case.input_tokens:
        return None
    known = match.known_links
    unsent = after_answer(links, known) if known else 0
    if read_tokens < MIN_READ_TOKENS or unsent >= len(links) - 1 or known_when_answered > known:
        return None
    if any(step.is_in_flight and step.position >= known for step in match.steps):
        return None

    def tokens(end_bytes: int) -> int:
        return tokens_up_to(match, end_bytes, case.sent, case.input_tokens)[0]

    sent_bytes = links[unsent - 1].end_bytes if unsent else 0
    explained_tokens = tokens(sent_bytes)
    if known:
        latest = match.latest
        if match.latest_tokens is None or latest is None or latest.scope.model != case.sent.scope.model:
            return None
        explained_tokens = max(explained_tokens, match.latest_tokens)
    if comparison is not None and comparison.common_bytes > sent_bytes:
        explained_tokens = max(explained_tokens, _DENSITY * tokens(comparison.common_bytes))
    tolerance_tokens = rounding_tokens(case.policy)
    is_whole = tokens(links[unsent].end_bytes) <= read_tokens + tolerance_tokens
    if not is_whole or read_tokens - explained_tokens <= tolerance_tokens:
        return None
    read_links = bisect_left(
        links, read_tokens - tolerance_tokens, key=lambda link: tokens(link.end_bytes - link.size_bytes)
    )
    return Proof(links[unsent].prefix, max(read_links, unsent + 1))
