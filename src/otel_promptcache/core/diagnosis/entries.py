"""What a prompt leaves in a cache with exact boundaries, and until when."""

from __future__ import annotations

from collections.abc import Mapping

from otel_promptcache.core.memory.earlier import EarlierPrompts
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundaries, Boundary


def entries_left(
    history: EarlierPrompts,
    sent: SentPrompt,
    match: PrefixMatch,
    boundaries: Boundaries,
    policy: CachePolicy,
    usage: TokenUsage | None,
    sent_at_seconds: float,
    now_seconds: float,
) -> Mapping[Boundary, float]:
    """The boundaries that an answered prompt leaves or keeps alive, and until when the provider surely has them.

    Args:
        history: What was sent before.
        sent: The prompt.
        match: What was known of it when it was sent.
        boundaries: Its own.
        policy: The rules of the model that answered.
        usage: What was reported; None if nothing was yet.
        sent_at_seconds: When it was sent.
        now_seconds: When it was answered.
    """
    from_seconds = sent_at_seconds if policy.lives_from_request else now_seconds
    written = {
        each: from_seconds + policy.lifetime(_ttl(sent, each) or sent.options.ttl)
        for each in boundaries.writable
    }
    if not policy.is_opt_in:
        return written
    furthest = None
    if usage is None or usage.cache_read_tokens != 0:
        furthest = _furthest_alive(sent, match, boundaries, sent_at_seconds)
    if usage is not None and usage.cache_write_tokens == 0:
        written = {}
    if furthest is None:
        return written
    # What is in front of the furthest one is not written again: what is there lives on.
    last, last_until_seconds = furthest
    alive = {each: _until_seconds(history, sent, each) for each in boundaries.writable if each < last}
    alive[last] = last_until_seconds
    kept = {
        each: from_seconds + _lifetime(policy, until_seconds - sent_at_seconds)
        for each, until_seconds in alive.items()
        if until_seconds >= sent_at_seconds
    }
    return kept | {each: until_seconds for each, until_seconds in written.items() if each > last}


def _ttl(sent: SentPrompt, boundary: Boundary) -> str | None:
    return sent.prompt.links[boundary.position].breakpoint_ttl if boundary.is_marked else None


def _furthest_alive(
    sent: SentPrompt, match: PrefixMatch, boundaries: Boundaries, now_seconds: float
) -> tuple[Boundary, float] | None:
    """The furthest boundary that could be read, and until when it would have lived; None if there is none."""
    for step in reversed(match.steps):
        seen = step.cached.get(sent.scope)
        for is_marked, until_seconds in seen.boundary_until_seconds.items() if seen else ():
            boundary = Boundary(step.position, is_marked)
            if until_seconds >= now_seconds and boundary in boundaries.readable:
                return boundary, until_seconds
    return None


def _until_seconds(history: EarlierPrompts, sent: SentPrompt, boundary: Boundary) -> float:
    seen = history.cached(sent.prompt.links[boundary.position].prefix, sent.scope).get(sent.scope)
    return seen.boundary_until_seconds.get(boundary.is_marked, 0.0) if seen else 0.0


def _lifetime(policy: CachePolicy, rest_seconds: float) -> float:
    """The lifetime of an entry that is read: the shortest that the rest of its life fits into.

    To be marked with a longer one does not make an entry that is there live longer, as far as anybody knows.
    """
    lifetimes = (*policy.lifetime_seconds_by_name.values(), policy.lifetime(""))
    return min([each for each in lifetimes if each >= rest_seconds], default=max(lifetimes))
