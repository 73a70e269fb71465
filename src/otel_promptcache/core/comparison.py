"""A new prompt against the earlier one it resembles most: where they part, and what is spoiled by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from otel_promptcache.core.chain import ContentHash, Link
from otel_promptcache.core.divergence import CutSegment, Divergence, common_length, common_pieces, locate
from otel_promptcache.core.index import PrefixIndex
from otel_promptcache.core.pieces import MAX_PIECES, Piece, cut, hash_pieces
from otel_promptcache.core.prompt import CacheScope, Segment
from otel_promptcache.core.sighting import SentPrompt, Sighting
from otel_promptcache.core.trail import Trail

_MIN_REUSED_BYTES = 48
"""Bytes; shorter content, such as "Yes, please.", returns by chance."""
MAX_PROMPT_PIECES = 16_384
"""Pieces that the segments of one prompt are cut into, all together; those behind them are compared as a whole."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing a prompt with an earlier one tells."""

    nearest: SentPrompt
    divergence: Divergence | None
    """None where one of the two only goes on where the other ends."""
    common_bytes: int
    """What both begin with."""
    avoidable_bytes: int
    """Content that was sent before and stands behind the divergence, where no prefix cache can reach it."""
    sightings: Mapping[CacheScope, Sighting] = field(default_factory=dict[CacheScope, Sighting])
    """When and where the earlier prompt was sent, or another one that goes on as it does."""


_UNCUT = CutSegment((), ())


class SegmentSource(Protocol):
    """The segments of a prompt, by index."""

    def __getitem__(self, index: int, /) -> Segment:
        """The segment behind a link."""
        ...


class Cutter:
    """Cuts the segments of one prompt, each at most once, and remembers the hashes for the index."""

    def __init__(
        self,
        index: PrefixIndex,
        links: Sequence[Link],
        segments: SegmentSource,
        *,
        keeps_names: bool = False,
    ) -> None:
        """Begin to cut a prompt.

        Args:
            index: What was sent before.
            links: The prompt.
            segments: What it was hashed from.
            keeps_names: Paths may have the names that the application gave to members of JSON values.
        """
        self._index = index
        self._links = links
        self._segments = segments
        self._keeps_names = keeps_names
        self._room = MAX_PROMPT_PIECES
        self._cut: dict[int, CutSegment] = {}
        self.pieces: dict[ContentHash, tuple[Piece, ...]] = {}

    def cut(self, index: int) -> CutSegment:
        """The pieces of a segment, with their texts; none where the prompt has too many."""
        if index not in self._cut:
            if self._room <= 0:
                return _UNCUT
            parts = cut(self._segments[index], min(MAX_PIECES, self._room), keeps_names=self._keeps_names)
            self._room -= len(parts) or 1
            pieces = hash_pieces(parts, self._index.known_pieces)
            self.pieces[self._links[index].content] = pieces
            self._cut[index] = CutSegment(pieces, parts)
        return self._cut[index]


def compare(index: PrefixIndex, sent: SentPrompt, trail: Trail, cutter: Cutter) -> Comparison | None:
    """Compare a new prompt with the earlier one it resembles most; None where there is nothing like it.

    Segments that the index does not know are cut, because it is to know their pieces later.
    """
    links = sent.prompt.links
    if trail.known_links == len(links):
        return trail.latest and Comparison(trail.latest, None, sent.prompt.size_bytes, 0)
    for position in range(trail.known_links, len(links)):
        content = links[position].content
        if not index.pieces(content) and content not in cutter.pieces:
            cutter.cut(position)
    nearest = _nearest(index, sent, trail, cutter)
    if nearest is None:
        return None
    old = nearest.prompt.links
    common = common_length(links, old)
    common_bytes = links[common - 1].end_bytes if common else 0
    if common in (len(links), len(old)):
        return Comparison(nearest, None, common_bytes, 0)
    here, there = cutter.cut(common), index.pieces(old[common].content)
    divergence = locate(links, old, here, there)
    shared = common_pieces(here.pieces, there)
    size_bytes = links[common].size_bytes
    shared_bytes = min(size_bytes, sum(piece.size_bytes for piece in here.pieces[:shared]))
    if index.is_known(links[common].content):  # the whole segment only moved
        avoidable = size_bytes
    else:
        avoidable = min(size_bytes - shared_bytes, _known_bytes(index, here.pieces[shared:]))
    for link in links[common + 1 :]:
        if index.is_known(link.content) and link.size_bytes >= _MIN_REUSED_BYTES:
            avoidable += link.size_bytes
        else:
            avoidable += _known_bytes(index, cutter.pieces.get(link.content, ()))
    return Comparison(
        nearest, divergence, common_bytes + shared_bytes, avoidable, index.sightings(old[common].prefix)
    )


def _nearest(index: PrefixIndex, sent: SentPrompt, trail: Trail, cutter: Cutter) -> SentPrompt | None:
    candidates = index.candidates(sent, trail)
    if not candidates:
        pieces = (piece for segment in cutter.pieces.values() for piece in segment)
        reused = (index.owner(piece.exact) for piece in pieces if piece.size_bytes >= _MIN_REUSED_BYTES)
        candidates = [owner for owner in reused if owner is not None][:1]
    if len(candidates) <= 1:
        return candidates[0] if candidates else None
    contents = {link.content for link in sent.prompt.links}

    def likeness(other: SentPrompt) -> tuple[int, int, bool]:
        shared = sum(link.content in contents for link in other.prompt.links)
        common = common_length(sent.prompt.links, other.prompt.links)
        return common, shared, other.fingerprint == sent.fingerprint

    return max(candidates, key=likeness)


def _known_bytes(index: PrefixIndex, pieces: Sequence[Piece]) -> int:
    """Length of the pieces that were sent before, where several in a row are long enough."""
    known_bytes = run_bytes = 0
    for piece in pieces:
        if index.is_known(piece.exact):
            run_bytes += piece.size_bytes
            continue
        if run_bytes >= _MIN_REUSED_BYTES:
            known_bytes += run_bytes
        run_bytes = 0
    return known_bytes + (run_bytes if run_bytes >= _MIN_REUSED_BYTES else 0)
