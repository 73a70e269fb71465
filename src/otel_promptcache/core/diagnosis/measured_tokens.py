"""What a report tells about the tokens of a prompt's prefixes, as a base of later estimates."""

from __future__ import annotations

from collections.abc import Mapping

from otel_promptcache.core.diagnosis.entries import Lookup, alive_boundaries
from otel_promptcache.core.diagnosis.token_estimates import tokens_up_to
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundaries


def measured_tokens(
    sent: SentPrompt,
    match: PrefixMatch,
    boundaries: Boundaries | None,
    sent_at_seconds: float,
    policy: CachePolicy,
    usage: TokenUsage,
) -> Mapping[int, int]:
    """The tokens of the prompt and up to its last boundary, by the link that ends them; empty if nothing is known.

    Args:
        sent: The prompt.
        match: What was known of it when it was sent.
        boundaries: The prompt's own, if the cache has boundaries.
        sent_at_seconds: When it was sent.
        policy: The rules of the model that answered.
        usage: What was reported.
    """
    links = sent.prompt.links
    if not links or not usage.input_tokens or sent.options.is_continued:  # 0 is a placeholder of a gateway
        return {}
    tokens = {len(links) - 1: usage.input_tokens}
    if policy.is_opt_in and boundaries:
        tokens |= _tokens_read(Lookup(sent, match, boundaries, sent_at_seconds), usage)
    if policy.has_exact_boundaries and usage.cache_write_tokens and boundaries:
        for position, _ in boundaries.writable[-1:]:
            tokens[position] = (usage.cache_read_tokens or 0) + usage.cache_write_tokens
    return tokens


def _tokens_read(lookup: Lookup, usage: TokenUsage) -> dict[int, int]:
    """The tokens up to a boundary of an opt-in cache, by its position, as far as a read has measured them.

    If nothing was written, the last mark was read. If something was, the read ended at an earlier entry: at the only
    one that is known, if it is not longer than that can be.
    """
    read_tokens, input_tokens, writable = (
        usage.cache_read_tokens,
        usage.input_tokens,
        lookup.boundaries.writable,
    )
    if not read_tokens or not input_tokens or not writable:
        return {}
    if usage.cache_write_tokens == 0:
        return {writable[-1].position: read_tokens}
    alive = [step for step, _, _ in alive_boundaries(lookup)]
    if len(alive) != 1 or alive[0].tokens is not None:
        return {}
    estimated, error = tokens_up_to(lookup.match, alive[0].end_bytes, lookup.sent, input_tokens)
    return {alive[0].position: read_tokens} if read_tokens <= estimated + error else {}
