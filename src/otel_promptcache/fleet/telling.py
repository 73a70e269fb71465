"""What the store learns of an answered prompt: only what it does not know yet, or not for as long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from otel_promptcache.core.comparison.divergence import CutSegment
from otel_promptcache.core.memory.nodes import AnsweredPrompt
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.naming.bodies import write_body
from otel_promptcache.fleet.prompt import FleetPrompt
from otel_promptcache.fleet.store import Found, Left, VariantUpdate

_GROWTH = 0.1
"""Share by which the lifetime of a prefix must grow before the store is updated."""
_MANY_DIGESTS = 20
_PAUSE_SECONDS = 60.0
"""A template with more than `_MANY_DIGESTS` variants in a day writes at most one in this time."""


class Known(NamedTuple):
    """What the store knew when the prompt was sent."""

    found: Found
    offset_seconds: float
    """What must be added to the store's clock to get this process's."""

    def seconds(self, milliseconds: int) -> float:
        """Convert a time of the store to this process's clock; 0.0 for never."""
        return milliseconds / 1_000 + self.offset_seconds if milliseconds else 0.0


def news_of(
    prompt: FleetPrompt, answered: AnsweredPrompt, scope: bytes, known: Known | None
) -> tuple[tuple[bytes, ...], tuple[Left, ...]]:
    """The prefixes whose lifetime grew, and the boundaries that the prompt left at them.

    Args:
        prompt: The prompt.
        answered: What it has left at the provider.
        scope: The scope in which it was served.
        known: What the store knew; None if it did not say.
    """
    at, until = answered.everywhere.at_seconds, answered.everywhere.alive_until_seconds
    least = until - (until - at) * _GROWTH
    first = 0
    boundaries: dict[int, tuple[float, float]] = {}
    if known is not None:
        for prefix in known.found.prefixes:
            if (own := prefix.entries.get(scope)) is not None:
                boundaries[prefix.place] = known.seconds(own.unmarked_until), known.seconds(own.marked_until)
                if not first and known.seconds(own.until) >= least:
                    first = prefix.place + 1
    indices = list(range(first, len(prompt.chain)))
    grown: list[tuple[int, bool, float]] = []
    for position, seen in answered.boundaries.items():
        index = prompt.index_of.get(position)
        if index is None:
            continue
        for is_marked, seconds in seen.boundary_until_seconds.items():
            if boundaries.get(index, (0.0, 0.0))[is_marked] < seconds - (seconds - at) * _GROWTH:
                grown.append((index, is_marked, seconds - at))
                if index < first and index not in indices:
                    indices.append(index)
    left = tuple([Left(indices.index(index), is_marked, life) for index, is_marked, life in grown])
    return tuple([prompt.chain[index] for index in indices]), left


def tokens_to_write(
    prompt: FleetPrompt, tokens: Mapping[int, int], known: Known | None
) -> tuple[tuple[bytes, int], ...]:
    """The reported tokens that the store does not know, each with the name of the prefix.

    Args:
        prompt: The prompt.
        tokens: What was reported, by the position of the link that ends the prefix.
        known: What the store knew; None if it did not say.
    """
    if not tokens:
        return ()
    stored = {each.place: each.tokens for each in known.found.prefixes} if known else {}
    named = [(prompt.index_of.get(position), count) for position, count in tokens.items()]
    return tuple(
        [
            (prompt.chain[index], count)
            for index, count in named
            if index is not None and stored.get(index) != count
        ]
    )


def variant_of(
    memory: FleetMemory,
    prompt: FleetPrompt,
    answered: AnsweredPrompt,
    scope: bytes,
    known: Known | None,
    cut: Mapping[int, CutSegment],
) -> VariantUpdate | None:
    """The leading part, if the store does not know it or thinks that it has lapsed; else None.

    Args:
        memory: What the process knows of the fleet.
        prompt: The prompt.
        answered: What it has left at the provider.
        scope: The scope in which it was served.
        known: What the store knew; None if it did not say.
        cut: The segments that were cut, by position.
    """
    name = prompt.variant
    if name is None:
        return None
    at, until = answered.everywhere.at_seconds, answered.everywhere.alive_until_seconds
    is_lost = name in memory.wanted
    if known is not None and known.found.is_asked:
        found = known.found
        if all(each.variant != name for each in found.variants):
            newest = max((each.at for each in found.variants), default=0)
            if found.digests > _MANY_DIGESTS and found.now - newest < _PAUSE_SECONDS * 1_000:
                return None
            is_lost = True
    is_due = memory.is_due(name, scope, until, until - at)
    if not is_lost:
        return VariantUpdate(template=prompt.template, variant=name, body=None) if is_due else None
    body = _body(memory, prompt, cut)
    if body is None:
        return None
    memory.wanted.discard(name)
    memory.held.hold(name, body)
    return VariantUpdate(template=prompt.template, variant=name, body=body, pieces=prompt.sample(cut))


def _body(memory: FleetMemory, prompt: FleetPrompt, cut: Mapping[int, CutSegment]) -> bytes | None:
    sent = prompt.sent
    for position, segment in cut.items():
        content = memory.hashes.content(sent.prompt.links[position].content)
        if content is not None and segment.pieces:
            memory.hold_pieces(content, memory.pieces.named(segment))
    return write_body(
        prompt.template,
        sent.prompt,
        memory.hashes,
        memory.content_pieces,
        is_explicit=sent.options.is_explicit,
    )
