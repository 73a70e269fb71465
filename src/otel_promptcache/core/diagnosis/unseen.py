"""What a process says of a loss if others also send the prompt, and it has not seen enough."""

from __future__ import annotations

from dataclasses import replace

from otel_promptcache.core.diagnosis.miss_rules import Evidence, Miss
from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.core.prompt.chain import ROUTING_CHARS


def unless_unseen(miss: Miss, evidence: Evidence) -> Miss:
    """The same miss if this process alone explains the loss, else one that says that it cannot.

    Others that send the start of the prompt may have pushed it over its rate limit, kept a prefix alive that expired
    here, or sent what looks new here. How much was lost is still known, if this process sent it before.
    """
    expectation = evidence.expectation
    if not expectation.with_others_bytes:
        return miss
    if miss.reason in (MissReason.COLD_START, MissReason.BELOW_MINIMUM):
        return Miss(MissReason.UNSEEN, None)
    if miss.reason is MissReason.PROVIDER:
        is_explained = expectation.with_others_bytes < ROUTING_CHARS  # the rate is that of a different start
    elif miss.reason is MissReason.EXPIRED:
        is_explained = not evidence.lost(expectation.with_others)  # what others keep alive was read
    elif miss.reason is MissReason.NO_MATCHING_BREAKPOINT:
        unknown_tokens = expectation.shareable_tokens - expectation.shared_tokens
        is_explained = unknown_tokens <= evidence.tolerance_tokens
    else:
        is_explained = True
    return miss if is_explained else replace(miss, reason=MissReason.UNSEEN)
