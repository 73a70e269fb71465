"""How many tokens the provider could have read for a prompt, given its rules and what was sent before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.core.comparison.comparison import Comparison
from otel_promptcache.core.diagnosis.turns import shareable_links
from otel_promptcache.core.memory.match import PrefixMatch, Step
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundary
from otel_promptcache.core.prompt.segments import CacheScope

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


@dataclass(frozen=True, slots=True)
class Expectation:
    """What could have been read, under successively weaker conditions."""

    readable: Estimate
    """In the same scope, alive, at a place that the rules can match: what the provider should have read."""
    lapsed: Estimate
    """The same, at any age."""
    unmarked: Estimate
    """In the same scope and alive, wherever the prompts diverge: what a boundary there would have made readable."""
    elsewhere: Estimate
    """In a different scope, and alive."""
    closest_scope: CacheScope | None
    """Of the scopes in which that was sent, the one with the fewest differences; None if there is none."""
    in_flight: Estimate
    """In the same scope, of a request that had not been answered yet."""
    avoidable_tokens: int
    """Content that was sent before but follows the divergence, less what was read nevertheless."""
    tolerance_tokens: int
    """What may be missing without meaning anything: rounding."""
    moved_tokens: int = 0
    """Content that was sent before but follows the divergence, whether or not it was to be cached."""
    shared_tokens: int = 0
    """What the prompt and earlier ones begin with, however short and however old."""
    shareable_tokens: int = 0
    """The part that another process may have sent, as far as this one knows."""
    with_others: Estimate = NOTHING
    """In the same scope, and also sent by other processes."""
    with_others_bytes: int = 0
    """Length of the same, however short."""
    marked_tokens: int = 0
    """A lower bound of what precedes the last mark, as far as bytes can tell."""
    is_met: bool = False
    """Nothing can have been lost under any condition."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Tells which earlier prefixes a request can read."""

    scope: CacheScope
    boundaries: Collection[Boundary] | None
    """Where it can read; None if boundaries do not count."""
    is_opt_in: bool
    """Only marked prompts leave boundaries."""
    has_units: bool
    """It is known that it can read only where an earlier prompt ended."""
    now_seconds: float

    def is_alive(self, step: Step) -> bool:
        seen = step.cached.get(self.scope)
        return seen is not None and seen.alive_until_seconds >= self.now_seconds

    def is_alive_elsewhere(self, step: Step) -> bool:
        seen = step.cached
        return len(seen) > (self.scope in seen) and self._ends(step) and bool(self.scopes_elsewhere(step))

    def scopes_elsewhere(self, step: Step) -> list[CacheScope]:
        others = [(scope, seen) for scope, seen in step.cached.items() if scope != self.scope]
        if self.is_opt_in:  # an unmarked prompt leaves nothing there, nor does what follows the last mark
            return [scope for scope, seen in others if self._is_left_alive(step, seen)]
        return [scope for scope, seen in others if seen.alive_until_seconds >= self.now_seconds]

    def is_readable(self, step: Step) -> bool:
        if self.boundaries is None:
            return self._ends(step) and self.is_alive(step)
        return self._is_left_alive(step, step.cached.get(self.scope))

    def is_lapsed(self, step: Step) -> bool:
        if self.boundaries is None:
            return self._ends(step) and self.scope in step.cached
        return bool(self._left(step, step.cached.get(self.scope)))

    def is_in_flight(self, step: Step) -> bool:
        if self.boundaries is None:
            return self._ends(step) and step.is_in_flight
        return any(Boundary(step.position, kind) in self.boundaries for kind in step.boundaries_in_flight)

    def _ends(self, step: Step) -> bool:
        """Whether units allow reading up to there: if the cache has units, a prompt must have ended there."""
        return not self.has_units or step.is_end or step.tokens is not None

    def is_shared(self, step: Step) -> bool:
        seen = step.cached.get(self.scope)
        return seen is not None and seen.is_shared

    def _is_left_alive(self, step: Step, seen: CachedPrefix | None) -> bool:
        return max(self._left(step, seen), default=-1.0) >= self.now_seconds

    def _left(self, step: Step, seen: CachedPrefix | None) -> list[float]:
        """Until when those boundaries live that were left at a place and that this request can read."""
        left = seen.boundary_until_seconds.items() if seen else ()
        return [until for kind, until in left if Boundary(step.position, kind) in (self.boundaries or ())]


def expect(
    sent: SentPrompt,
    match: PrefixMatch,
    comparison: Comparison | None,
    policy: CachePolicy,
    boundaries: Collection[Boundary],
    input_tokens: int,
    read_tokens: int,
    now_seconds: float,
) -> Expectation:
    """Turn what is known about a prompt into tokens, once the provider has reported how many it has.

    Args:
        sent: The prompt.
        match: How far it follows earlier ones.
        comparison: With the earlier prompt that it resembles most; None if none resembles it.
        policy: The rules of the model that answered.
        boundaries: Where the prompt can be read, if these rules have boundaries.
        input_tokens: Of the whole prompt, as reported.
        read_tokens: How many of these were read from the cache.
        now_seconds: When the prompt was sent.
    """
    links = sent.prompt.links
    boundaries_that_count = boundaries if policy.has_exact_boundaries else None
    reader = _Reader(sent.scope, boundaries_that_count, policy.is_opt_in, policy.has_units, now_seconds)
    steps = match.steps
    if comparison is not None and comparison.cached:
        # Inside the segment in which they diverge, the prompts may still share a start.
        inside = Step(len(links), comparison.common_bytes, None, comparison.cached)
        steps = tuple(sorted((*steps, inside), key=lambda step: step.end_bytes))

    estimates: dict[int, Estimate] = {}  # usually, all conditions have the same answer

    def longest(condition: Callable[[Step], bool]) -> Estimate:
        for step in reversed(steps):
            if condition(step):
                break
        else:
            return NOTHING
        if step.end_bytes not in estimates:
            estimates[step.end_bytes] = _estimate(match, step.end_bytes, sent, policy, input_tokens)
        return estimates[step.end_bytes]

    readable = longest(reader.is_readable)
    avoidable_tokens = _avoidable_tokens(sent, match, comparison, policy, input_tokens, read_tokens)
    tolerance_tokens = rounding_tokens(policy)
    # Usually, the step that can be read is the furthest one.
    furthest = estimates.get(steps[-1].end_bytes) or longest(_any_step) if steps else NOTHING
    if read_tokens and max(furthest.tokens - read_tokens, avoidable_tokens) <= tolerance_tokens:
        # Everything that was sent before was read, as in most requests: there is nothing else to ask.
        return Expectation(
            readable, readable, readable, NOTHING, None, NOTHING, avoidable_tokens, tolerance_tokens, is_met=True
        )  # fmt: skip
    return Expectation(
        readable=readable,
        lapsed=longest(reader.is_lapsed),
        unmarked=longest(reader.is_alive),
        elsewhere=longest(reader.is_alive_elsewhere),
        closest_scope=_closest_scope(reader, steps),
        in_flight=longest(reader.is_in_flight),
        avoidable_tokens=avoidable_tokens,
        tolerance_tokens=tolerance_tokens,
        moved_tokens=estimated_offset_tokens(sent, comparison.avoidable_bytes, input_tokens)
        if comparison
        else 0,
        shared_tokens=tokens_up_to(match, steps[-1].end_bytes, sent, input_tokens)[0] if steps else 0,
        shareable_tokens=_shareable_tokens(sent, match, input_tokens),
        with_others=longest(reader.is_shared),
        marked_tokens=_marked_tokens(sent, match, input_tokens) if policy.is_opt_in else 0,
        with_others_bytes=max([step.end_bytes for step in steps if reader.is_shared(step)], default=0),
    )


def _any_step(_: Step) -> bool:
    return True


def rounding_tokens(policy: CachePolicy) -> int:
    """How many tokens may be missing from a report without meaning anything."""
    return min(max(policy.step_tokens or 0, _ROUNDING_TOKENS), _MAX_ROUNDING_TOKENS)


def _avoidable_tokens(
    sent: SentPrompt,
    match: PrefixMatch,
    comparison: Comparison | None,
    policy: CachePolicy,
    input_tokens: int,
    read_tokens: int,
) -> int:
    if comparison is None or comparison.divergence is None:
        return 0
    avoidable_bytes = comparison.avoidable_bytes
    marked = _marked_bytes(sent) if policy.is_opt_in and avoidable_bytes else 0
    if marked:  # what follows the last mark was never to be cached
        avoidable_bytes = min(avoidable_bytes, max(0, marked - comparison.common_bytes))
    tokens = estimated_offset_tokens(sent, avoidable_bytes, input_tokens)
    if not tokens:
        return 0
    # What was read after the divergence was not spoiled: another process may have sent more than we know.
    end_tokens, _ = tokens_up_to(match, comparison.divergence.end_bytes, sent, input_tokens)
    return max(0, tokens - max(0, read_tokens - end_tokens))


def _marked_bytes(sent: SentPrompt) -> int:
    """Length up to the last mark; 0 if there is none."""
    return max([link.end_bytes for link in sent.prompt.links if link.breakpoint_ttl is not None], default=0)


def _marked_tokens(sent: SentPrompt, match: PrefixMatch, input_tokens: int) -> int:
    tokens, error_tokens = tokens_up_to(match, _marked_bytes(sent), sent, input_tokens)
    return tokens - error_tokens


def _shareable_tokens(sent: SentPrompt, match: PrefixMatch, input_tokens: int) -> int:
    links = sent.prompt.links
    shareable = shareable_links(links, match.known_links)
    return tokens_up_to(match, links[shareable - 1].end_bytes, sent, input_tokens)[0] if shareable else 0


def _closest_scope(reader: _Reader, steps: Sequence[Step]) -> CacheScope | None:
    """The scope that differs least, of those in which more than half as much was sent as in any."""
    if not any(map(reader.is_alive_elsewhere, steps)):
        return None
    length_bytes = {other: step.end_bytes for step in steps for other in reader.scopes_elsewhere(step)}
    longest_bytes = max(length_bytes.values(), default=0)
    comparable = [other for other, length in length_bytes.items() if 2 * length > longest_bytes]
    return min(comparable, key=lambda other: len(reader.scope.differences(other)), default=None)


def _estimate(
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
