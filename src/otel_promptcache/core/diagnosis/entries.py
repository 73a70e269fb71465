"""What a prompt leaves in a cache with exact boundaries, and how long it stays there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from otel_promptcache.core.memory.earlier import EarlierPrompts
from otel_promptcache.core.memory.match import PrefixMatch, Step
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundaries, Boundary


@dataclass(frozen=True, slots=True)
class Lookup:
    """A prompt that was looked up in the cache, and what was known of it when it was sent."""

    sent: SentPrompt
    match: PrefixMatch
    boundaries: Boundaries
    """The prompt's own."""
    at_seconds: float
    """When it was sent."""


def prefixes_left(
    history: EarlierPrompts,
    lookup: Lookup,
    policy: CachePolicy,
    usage: TokenUsage | None,
    from_seconds: float,
    plain: CachedPrefix,
) -> dict[int, CachedPrefix]:
    """What is known of the links at which an answered prompt leaves a boundary or keeps one alive, by index.

    Args:
        history: What was sent before.
        lookup: The prompt.
        policy: The rules of the model that answered.
        usage: What was reported; None if nothing was reported yet.
        from_seconds: When the lifetime of what it leaves starts.
        plain: What is known of the prompt's other links.
    """
    sent, boundaries = lookup.sent, lookup.boundaries
    lifetimes = {each: policy.lifetime(_ttl(sent, each) or sent.options.ttl) for each in boundaries.writable}
    left: Mapping[Boundary, float] = {each: from_seconds + seconds for each, seconds in lifetimes.items()}
    found: dict[int, CachedPrefix] = {}
    if policy.is_opt_in:
        found = _kept_longer(lifetimes, policy.lifetime(sent.options.retention), plain)
        furthest = _furthest_read(lookup, usage)
        if usage is not None and usage.cache_write_tokens == 0:
            left = {}
        if furthest is not None:
            left = _entries_left(history, lookup, policy, furthest, left, from_seconds)
    for (index, is_marked), until_seconds in left.items():
        known = found.get(index, plain)
        until = {**known.boundary_until_seconds, is_marked: until_seconds}
        found[index] = known._replace(boundary_until_seconds=until)
    return found


def _kept_longer(
    lifetimes: Mapping[Boundary, float], usual_seconds: float, plain: CachedPrefix
) -> dict[int, CachedPrefix]:
    """The links that outlive the others: those up to a mark with a longer lifetime."""
    found: dict[int, CachedPrefix] = {}
    for boundary, seconds in lifetimes.items():
        if seconds > usual_seconds:
            until_seconds = plain.alive_until_seconds + seconds - usual_seconds
            longer = plain._replace(alive_until_seconds=until_seconds)
            found.update(dict.fromkeys(range(boundary.position + 1), longer))
    return found


def _furthest_read(lookup: Lookup, usage: TokenUsage | None) -> tuple[Boundary, float] | None:
    """The furthest boundary that was read, as far as is known, and until when it would have lived; None if none was."""
    if usage is not None and usage.cache_read_tokens == 0:
        return None
    furthest, writable = _furthest_alive(lookup), lookup.boundaries.writable
    if usage is None or not usage.cache_read_tokens or usage.cache_write_tokens != 0 or not writable:
        return furthest
    # It was read up to its last mark, or there would be a new entry: if none is known there, somebody else left it.
    last = writable[-1]
    return furthest if furthest is not None and furthest[0] >= last else (last, lookup.at_seconds)


def _entries_left(
    history: EarlierPrompts,
    lookup: Lookup,
    policy: CachePolicy,
    furthest: tuple[Boundary, float],
    written: Mapping[Boundary, float],
    from_seconds: float,
) -> Mapping[Boundary, float]:
    """The boundaries of an opt-in cache after a read, and until when the provider is certain to have them."""
    # Entries before the furthest one are not written again: those that are there stay alive.
    last, last_until_seconds = furthest
    sent, writable = lookup.sent, lookup.boundaries.writable
    alive = {each: _until_seconds(history, sent, each) for each in writable if each < last}
    alive[last] = last_until_seconds
    kept = {
        each: from_seconds + _lifetime(policy, until_seconds - lookup.at_seconds)
        for each, until_seconds in alive.items()
        if until_seconds >= lookup.at_seconds
    }
    return kept | {each: until_seconds for each, until_seconds in written.items() if each > last}


def _ttl(sent: SentPrompt, boundary: Boundary) -> str | None:
    return sent.prompt.links[boundary.position].breakpoint_ttl if boundary.is_marked else None


def _furthest_alive(lookup: Lookup) -> tuple[Boundary, float] | None:
    """The furthest boundary that could be read, and until when it would have lived; None if there is none."""
    return next(((boundary, until_seconds) for _, boundary, until_seconds in alive_boundaries(lookup)), None)


def alive_boundaries(lookup: Lookup) -> Iterator[tuple[Step, Boundary, float]]:
    """The boundaries that could be read, the furthest one first."""
    for step in reversed(lookup.match.steps):
        seen = step.cached.get(lookup.sent.scope)
        for is_marked, until_seconds in seen.boundary_until_seconds.items() if seen else ():
            boundary = Boundary(step.position, is_marked)
            if until_seconds >= lookup.at_seconds and boundary in lookup.boundaries.readable:
                yield step, boundary, until_seconds


def _until_seconds(history: EarlierPrompts, sent: SentPrompt, boundary: Boundary) -> float:
    seen = history.cached(sent.prompt.links[boundary.position].prefix, sent.scope).get(sent.scope)
    return seen.boundary_until_seconds.get(boundary.is_marked, 0.0) if seen else 0.0


def _lifetime(policy: CachePolicy, rest_seconds: float) -> float:
    """The lifetime of an entry that is read: the shortest one that covers its remaining time.

    As far as is known, marking an existing entry with a longer lifetime does not extend it.
    """
    lifetimes = (*policy.lifetime_seconds_by_name.values(), policy.lifetime(""))
    return min([each for each in lifetimes if each >= rest_seconds], default=max(lifetimes))
