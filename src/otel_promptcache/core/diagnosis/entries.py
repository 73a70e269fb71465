"""What a prompt leaves in a cache with exact boundaries, and how long it stays there."""

from __future__ import annotations

from collections.abc import Mapping

from otel_promptcache.core.memory.earlier import EarlierPrompts
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundaries, Boundary


def prefixes_left(
    history: EarlierPrompts,
    sent: SentPrompt,
    match: PrefixMatch,
    boundaries: Boundaries,
    policy: CachePolicy,
    usage: TokenUsage | None,
    sent_at_seconds: float,
    plain: CachedPrefix,
) -> dict[int, CachedPrefix]:
    """What is known of the links at which an answered prompt leaves a boundary or keeps one alive, by index.

    Args:
        history: What was sent before.
        sent: The prompt.
        match: What was known of it when it was sent.
        boundaries: The prompt's own.
        policy: The rules of the model that answered.
        usage: What was reported; None if nothing was reported yet.
        sent_at_seconds: When it was sent.
        plain: What is known of the prompt's other links.
    """
    found: dict[int, CachedPrefix] = {}
    left = _entries_left(history, sent, match, boundaries, policy, usage, sent_at_seconds, plain.at_seconds)
    for (index, is_marked), until_seconds in left.items():
        known = found.get(index, plain)
        until = {**known.boundary_until_seconds, is_marked: until_seconds}
        found[index] = known._replace(boundary_until_seconds=until)
    return found


def _entries_left(
    history: EarlierPrompts,
    sent: SentPrompt,
    match: PrefixMatch,
    boundaries: Boundaries,
    policy: CachePolicy,
    usage: TokenUsage | None,
    sent_at_seconds: float,
    now_seconds: float,
) -> Mapping[Boundary, float]:
    """The boundaries, and until when the provider is certain to have them."""
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
    # Entries before the furthest one are not written again: those that are there stay alive.
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
    """The lifetime of an entry that is read: the shortest one that covers its remaining time.

    As far as is known, marking an existing entry with a longer lifetime does not extend it.
    """
    lifetimes = (*policy.lifetime_seconds_by_name.values(), policy.lifetime(""))
    return min([each for each in lifetimes if each >= rest_seconds], default=max(lifetimes))
