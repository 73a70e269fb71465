"""How many tokens the provider could have read for a prompt, by its rules and by what was sent before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otel_promptcache.core.boundaries import exact_boundaries
from otel_promptcache.core.comparison import Comparison
from otel_promptcache.core.index import SentPrompt, Sighting, Step, Trail
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt import CacheScope

_ESTIMATE_TOLERANCE = 0.1
"""Share by which a number of tokens that was estimated from bytes may be off."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Token counts that could have been read, each under one more condition than the next; 0 is none.

    All are estimates where `is_estimate`: bytes, scaled by what the provider reported for this very prompt.
    """

    readable_tokens: int
    """In the same scope, alive, at a place that the rules can match: what the provider should have read."""
    lapsed_tokens: int
    """The same, whatever its age."""
    unmarked_tokens: int
    """In the same scope and alive, wherever the prompts part: what a boundary there would have made readable."""
    elsewhere_tokens: int
    """In another scope, and alive."""
    closest_scope: CacheScope | None
    """Of the scopes in which that was sent, the one with the fewest differences; None where there is none."""
    in_flight_tokens: int
    """In the same scope, of a request that had not been answered yet."""
    avoidable_tokens: int
    """Sent before, but behind the divergence."""
    idle_seconds: float | None
    """Since the longest prefix in the same scope was sent last; None where none was."""
    tolerance_tokens: int
    """What may be missing without meaning anything: rounding, and the error of the estimate."""


def expect(
    sent: SentPrompt,
    trail: Trail,
    comparison: Comparison | None,
    policy: CachePolicy,
    input_tokens: int,
    now_seconds: float,
) -> Expectation:
    """Turn what is known about a prompt into tokens, once the provider has said how many it has."""
    links = sent.prompt.links
    exact = policy.has_exact_boundaries
    places = set(exact_boundaries(links, sent.options).readable) if exact else set(range(len(links)))

    def alive(sighting: Sighting | None) -> bool:
        until = None if sighting is None else (
            sighting.boundary_until_seconds if exact else sighting.alive_until_seconds
        )  # fmt: skip
        return until is not None and until >= now_seconds

    def lapsed(sighting: Sighting | None) -> bool:
        return sighting is not None and (not exact or sighting.boundary_until_seconds is not None)

    def longest(condition: Callable[[Step], bool]) -> int:
        step = max((step for step in trail.steps if condition(step)), key=lambda s: s.index, default=None)
        return 0 if step is None else _tokens(trail, step.end_bytes, sent, input_tokens)

    def usable(tokens: int) -> int:
        tokens -= tokens % policy.step_tokens
        return tokens if tokens >= (policy.minimum_tokens or 0) else 0

    readable = longest(lambda step: step.index in places and alive(step.here))
    unmarked = longest(lambda step: _is_plain_alive(step.here, now_seconds))
    if comparison is not None and comparison.nearest.scope == sent.scope and unmarked:
        # Inside the segment in which they part, the prompts may still agree for a while.
        unmarked = max(unmarked, _tokens(trail, comparison.common_bytes, sent, input_tokens))
        if not exact:
            readable = max(readable, unmarked)
    elsewhere = longest(
        lambda step: any(_is_plain_alive(each, now_seconds) for each in step.elsewhere.values())
    )
    last_here = next((step.here for step in reversed(trail.steps) if step.here is not None), None)
    total_bytes = sent.prompt.size_bytes
    avoidable_bytes = comparison.avoidable_bytes if comparison is not None else 0
    is_exact_count = any(step.tokens is not None and step.here is not None for step in trail.steps)
    estimate_error = 0 if is_exact_count else int(readable * _ESTIMATE_TOLERANCE)
    return Expectation(
        readable_tokens=usable(readable),
        lapsed_tokens=usable(longest(lambda step: step.index in places and lapsed(step.here))),
        unmarked_tokens=usable(unmarked),
        elsewhere_tokens=usable(elsewhere),
        closest_scope=_closest_scope(sent.scope, trail, now_seconds),
        in_flight_tokens=usable(longest(lambda step: step.is_in_flight)),
        avoidable_tokens=round(avoidable_bytes * input_tokens / total_bytes) if total_bytes else 0,
        idle_seconds=None if last_here is None else now_seconds - last_here.at_seconds,
        tolerance_tokens=max(policy.step_tokens, 128, estimate_error),
    )


def _is_plain_alive(sighting: Sighting | None, now_seconds: float) -> bool:
    return sighting is not None and sighting.alive_until_seconds >= now_seconds


def _closest_scope(scope: CacheScope, trail: Trail, now_seconds: float) -> CacheScope | None:
    """Of the scopes in which about as much was sent as in any, the one that differs least."""
    length_bytes = {
        other: step.end_bytes
        for step in trail.steps
        for other, seen in step.elsewhere.items()
        if _is_plain_alive(seen, now_seconds)
    }
    longest_bytes = max(length_bytes.values(), default=0)
    comparable = [other for other, length in length_bytes.items() if 2 * length > longest_bytes]
    return min(comparable, key=lambda other: len(scope.differences(other)), default=None)


def _tokens(trail: Trail, end_bytes: int, sent: SentPrompt, input_tokens: int) -> int:
    """Tokens of the first bytes of a prompt, from the nearest place whose tokens the provider reported."""
    known_bytes, known_tokens = 0, 0
    for step in trail.steps:
        if step.tokens is not None and step.end_bytes <= end_bytes and step.tokens <= input_tokens:
            known_bytes, known_tokens = step.end_bytes, step.tokens
    rest_bytes = sent.prompt.size_bytes - known_bytes
    if rest_bytes <= 0:
        return known_tokens
    return known_tokens + round((end_bytes - known_bytes) * (input_tokens - known_tokens) / rest_bytes)


def estimated_offset_tokens(sent: SentPrompt, offset_bytes: int, input_tokens: int) -> int:
    """Where in a prompt a byte stands, in tokens, by proportion."""
    total_bytes = sent.prompt.size_bytes
    return round(offset_bytes * input_tokens / total_bytes) if total_bytes else 0
