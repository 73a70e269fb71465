"""How many tokens the provider could have read for a prompt, given its rules and what was sent before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otel_promptcache.core.comparison.comparison import Comparison
from otel_promptcache.core.diagnosis.case import Case
from otel_promptcache.core.diagnosis.readable_prefixes import ReadablePrefixes
from otel_promptcache.core.diagnosis.token_estimates import (
    NOTHING,
    Estimate,
    estimated_offset_tokens,
    readable_estimate,
    rounding_tokens,
    tokens_up_to,
)
from otel_promptcache.core.diagnosis.turns import shareable_links
from otel_promptcache.core.memory.match import Step
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.prompt.segments import CacheScope


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


def expect(case: Case, comparison: Comparison | None) -> Expectation:
    """Turn what is known about a prompt into tokens, once the provider has reported how many it has.

    Args:
        case: The request.
        comparison: With the earlier prompt that it resembles most; None if none resembles it.
    """
    sent, match, policy = case.sent, case.match, case.policy
    boundaries_that_count = case.boundaries if policy.has_exact_boundaries else None
    reader = ReadablePrefixes(
        sent.scope, boundaries_that_count, policy.is_opt_in, policy.has_units, case.now_seconds
    )
    steps = _steps(case, comparison)
    estimates: dict[int, Estimate] = {}  # usually, all conditions have the same answer

    def longest(condition: Callable[[Step], bool]) -> Estimate:
        for step in reversed(steps):
            if condition(step):
                break
        else:
            return NOTHING
        if step.end_bytes not in estimates:
            estimates[step.end_bytes] = readable_estimate(
                match, step.end_bytes, sent, policy, case.input_tokens
            )
        return estimates[step.end_bytes]

    readable = longest(reader.is_readable)
    avoidable_tokens = _avoidable_tokens(case, comparison)
    tolerance_tokens = rounding_tokens(policy)
    # Usually, the step that can be read is the furthest one.
    furthest = estimates.get(steps[-1].end_bytes) or longest(_any_step) if steps else NOTHING
    if case.read_tokens and max(furthest.tokens - case.read_tokens, avoidable_tokens) <= tolerance_tokens:
        # Everything that was sent before was read, as in most requests: there is nothing else to ask.
        return Expectation(
            readable, readable, readable, NOTHING, None, NOTHING, avoidable_tokens, tolerance_tokens, is_met=True
        )  # fmt: skip
    moved_tokens = 0
    if comparison is not None:
        moved_tokens = estimated_offset_tokens(sent, comparison.avoidable_bytes, case.input_tokens)
    return Expectation(
        readable=readable,
        lapsed=longest(reader.is_lapsed),
        unmarked=longest(reader.is_alive),
        elsewhere=longest(reader.is_alive_elsewhere),
        closest_scope=reader.closest_scope(steps),
        in_flight=longest(reader.is_in_flight),
        avoidable_tokens=avoidable_tokens,
        tolerance_tokens=tolerance_tokens,
        moved_tokens=moved_tokens,
        shared_tokens=tokens_up_to(match, steps[-1].end_bytes, sent, case.input_tokens)[0] if steps else 0,
        shareable_tokens=_shareable_tokens(case),
        with_others=longest(reader.is_sent_by_others),
        marked_tokens=_marked_tokens(case) if policy.is_opt_in else 0,
        with_others_bytes=max(
            [step.end_bytes for step in steps if reader.is_sent_by_others(step)], default=0
        ),
    )


def _steps(case: Case, comparison: Comparison | None) -> tuple[Step, ...]:
    """The places up to which an earlier prompt was the same, ascending."""
    steps = case.match.steps
    if comparison is None or not comparison.cached:
        return steps
    # Inside the segment in which they diverge, the prompts may still share a start.
    inside = Step(len(case.sent.prompt.links), comparison.common_bytes, None, comparison.cached)
    return tuple(sorted((*steps, inside), key=lambda step: step.end_bytes))


def _any_step(_: Step) -> bool:
    return True


def _avoidable_tokens(case: Case, comparison: Comparison | None) -> int:
    if comparison is None or comparison.divergence is None:
        return 0
    sent, avoidable_bytes = case.sent, comparison.avoidable_bytes
    marked = _marked_bytes(sent) if case.policy.is_opt_in and avoidable_bytes else 0
    if marked:  # what follows the last mark was never to be cached
        avoidable_bytes = min(avoidable_bytes, max(0, marked - comparison.divergence.offset_bytes))
    tokens = estimated_offset_tokens(sent, avoidable_bytes, case.input_tokens)
    if not tokens:
        return 0
    # What was read after the divergence was not spoiled: another process may have sent more than we know.
    end_tokens, _ = tokens_up_to(case.match, comparison.divergence.end_bytes, sent, case.input_tokens)
    return max(0, tokens - max(0, case.read_tokens - end_tokens))


def _marked_bytes(sent: SentPrompt) -> int:
    """Length up to the last mark; 0 if there is none."""
    return max([link.end_bytes for link in sent.prompt.links if link.breakpoint_ttl is not None], default=0)


def _marked_tokens(case: Case) -> int:
    tokens, error_tokens = tokens_up_to(case.match, _marked_bytes(case.sent), case.sent, case.input_tokens)
    return tokens - error_tokens


def _shareable_tokens(case: Case) -> int:
    links = case.sent.prompt.links
    shareable = shareable_links(links, case.match.known_links)
    if not shareable:
        return 0
    return tokens_up_to(case.match, links[shareable - 1].end_bytes, case.sent, case.input_tokens)[0]
