"""Joins what a process knows of a prompt with what its fleet knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.core.comparison.comparison import Comparison, Cutter, compare_with
from otel_promptcache.core.comparison.divergence import CutSegment, common_length, common_pieces
from otel_promptcache.core.comparison.partner import nearest_prompt, shared_bytes
from otel_promptcache.core.comparison.siblings import compare_with_sibling_of_fleet
from otel_promptcache.core.memory.earlier import EarlierPrompts, EarlierPromptsOfFleet, FleetSnapshot
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.prompt.chain import Link

_SHARE_BEHIND = 0.5
"""Share of what follows the known place that a variant must have to count as the prompt's origin."""

_LACKING_BYTES = 2_048
"""What a prompt may have beyond an earlier one of this process, so that a variant need not be compared with it."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a prompt at the time of sending."""

    match: PrefixMatch
    comparison: Comparison | None
    """With the earlier prompt that it resembles most; None if none resembles it."""
    sibling: Comparison | None
    """With a prompt of the template that is still alive, if this prompt's own prefix is not; else None."""


def join(
    history: EarlierPrompts,
    sent: SentPrompt,
    own: View,
    cutter: Cutter,
    snapshot: FleetSnapshot,
    now_seconds: float,
) -> View:
    """Join the two; each may know what the other does not.

    Args:
        history: What this process sent before.
        sent: The prompt.
        own: What this process knows of it.
        cutter: Cuts its segments; those that may differ are already cut.
        snapshot: What the fleet knows of it.
        now_seconds: When it was sent.
    """
    match = join_matches(own.match, snapshot)
    both = EarlierPromptsOfFleet(history, snapshot.variants)
    comparison = _comparison(both, sent, own, cutter, snapshot)
    sibling = None
    if match.alive_links < match.known_links:
        sibling = own.sibling or compare_with_sibling_of_fleet(both, sent, cutter, now_seconds)
    return View(match, comparison, sibling)


class Lacking(NamedTuple):
    """What an earlier prompt of this process lacks of a new one."""

    links: Sequence[Link]
    """Segments that are not in it, wherever they are."""
    piece: tuple[CutSegment, int] | None
    """The piece at which the two diverge: a segment and an index. None if it has no piece that the other lacks."""


def lacking(
    history: EarlierPrompts,
    sent: SentPrompt,
    own: View,
    cutter: Cutter,
    known_links: int,
    alive_links: int,
    now_seconds: float,
) -> Lacking | None:
    """What a variant must have, if only that can add to the comparison with a prompt of this process; None otherwise.

    That prompt is of the template, alive, reaches as far as what the fleet knows, and has nearly all of the rest. What
    it lacks is mostly a new question. Making a variant comparable takes longer than all other work for a prompt.

    Args:
        history: What this process sent before.
        sent: The prompt.
        own: What this process knows of it.
        cutter: Cuts its segments.
        known_links: How many of its links the fleet knows.
        alive_links: How many of these are alive.
        now_seconds: When it was sent.
    """
    comparison, match, links = own.comparison, own.match, sent.prompt.links
    if comparison is None or comparison.nearest.fingerprint != sent.fingerprint:
        return None
    if alive_links < known_links or match.alive_links < match.known_links:  # a sibling is also looked for
        return None
    cached = comparison.cached.get(sent.scope)
    known_bytes = links[known_links - 1].end_bytes if known_links else 0
    if cached is None or cached.alive_until_seconds < now_seconds or comparison.common_bytes < known_bytes:
        return None
    rest, old = links[known_links:], comparison.nearest.prompt.links
    lacking_bytes = sum([link.size_bytes for link in rest]) - shared_bytes(history, rest, old, cutter.pieces)
    if lacking_bytes > _LACKING_BYTES:
        return None
    its_contents = {link.content for link in old}
    return Lacking(
        [link for link in rest if link.content not in its_contents],
        _divergent_piece(history, links, old, cutter),
    )


def _divergent_piece(
    history: EarlierPrompts, links: Sequence[Link], old: Sequence[Link], cutter: Cutter
) -> tuple[CutSegment, int] | None:
    """A prompt that has more of the start than the earlier one has this piece."""
    common = common_length(links, old)  # of two that diverge, neither only continues the other
    segment = cutter.cut(common)
    shared = common_pieces(segment.pieces, history.pieces(old[common].content))
    return (segment, shared) if shared < len(segment.pieces) else None


def join_matches(own: PrefixMatch, snapshot: FleetSnapshot) -> PrefixMatch:
    """How far a prompt follows what any process sent before."""
    return PrefixMatch(
        steps=tuple(sorted((*own.steps, *snapshot.steps), key=lambda step: step.end_bytes)),
        known_links=max(own.known_links, snapshot.known_links),
        alive_links=max(own.alive_links, snapshot.alive_links),
        latest=own.latest if own.known_links >= snapshot.known_links else None,
        requests_last_minute=max(own.requests_last_minute, snapshot.requests_last_minute),
        has_lineage=own.has_lineage or snapshot.has_lineage,
    )


def _comparison(
    history: EarlierPromptsOfFleet, sent: SentPrompt, own: View, cutter: Cutter, snapshot: FleetSnapshot
) -> Comparison | None:
    """Compare with the earlier prompt, of any process, that has most of its content.

    A place that only the fleet knows has no prompt of its own. A divergence before it did not break the cache, so this
    process's own comparison counts only if it reaches that far, and a variant only if it has half of the rest.
    """
    links, known = sent.prompt.links, snapshot.known_links
    known_bytes = links[known - 1].end_bytes if known else 0
    reaches = own.comparison is not None and own.comparison.common_bytes >= known_bytes
    mine = own.comparison if reaches else None
    rest_bytes = sent.prompt.size_bytes - known_bytes
    candidates: list[SentPrompt] = [mine.nearest] if mine is not None else []
    for variant in history.variants if rest_bytes else ():
        behind = shared_bytes(history, links[known:], variant.sent.prompt.links, cutter.pieces)
        if behind >= _SHARE_BEHIND * rest_bytes:
            candidates.append(variant.sent)
    if not candidates:
        return None
    nearest = nearest_prompt(history, sent, candidates, cutter.pieces)
    return (
        mine if mine is not None and nearest is mine.nearest else compare_with(history, sent, cutter, nearest)
    )
