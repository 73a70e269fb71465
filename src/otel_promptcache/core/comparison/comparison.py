"""Compares a new prompt with the earlier one it resembles most: where they diverge, and what that spoils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, Protocol

from otel_promptcache.core.comparison.differences import locate
from otel_promptcache.core.comparison.divergence import CutSegment, Divergence, common_length, common_pieces
from otel_promptcache.core.comparison.partner import (
    MIN_REUSED_BYTES,
    find_candidates,
    is_other_template,
    nearest_prompt,
)
from otel_promptcache.core.memory.earlier import EarlierPrompts, KnownContent
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.match import PrefixMatch
from otel_promptcache.core.memory.nodes import CachedPrefix, SentPrompt
from otel_promptcache.core.prompt.chain import ContentHash, Link, PrefixHash
from otel_promptcache.core.prompt.pieces import MAX_PIECES, Piece, cut, hash_pieces
from otel_promptcache.core.prompt.segments import CacheScope, Segment

MAX_PROMPT_PIECES = 16_384
"""Pieces that the segments of a prompt are cut into in total; further segments are compared as a whole."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of comparing a prompt with an earlier one."""

    nearest: SentPrompt
    divergence: Divergence | None
    """None if one of the two only continues where the other ends."""
    common_bytes: int
    """Length of what both begin with."""
    avoidable_bytes: int
    """Content that was sent before but follows the divergence, where no prefix cache can reach it."""
    cached: Mapping[CacheScope, CachedPrefix] = field(default_factory=dict[CacheScope, CachedPrefix])
    """When and where the earlier prompt was sent, or another one that continues in the same way."""
    is_other_template: bool = False
    """The earlier prompt is of a different template, which shares some text."""


_UNCUT = CutSegment((), ())


class SegmentSource(Protocol):
    """The segments of a prompt, by index."""

    def __getitem__(self, index: int, /) -> Segment:
        """The segment of a link."""
        ...


class Cutter:
    """Cuts the segments of one prompt, each at most once, and remembers the hashes for the index."""

    def __init__(
        self,
        index: PrefixIndex,
        links: Sequence[Link],
        segments: SegmentSource,
        *,
        account: int = 0,
        keeps_names: bool = False,
    ) -> None:
        """Prepare to cut a prompt.

        Args:
            index: What was sent before.
            links: The prompt.
            segments: What the links were hashed from.
            account: The account that it is sent on.
            keeps_names: Paths may contain the names that the application gave to members of JSON values.
        """
        self._index = index
        self._links = links
        self._segments: SegmentSource | None = segments
        self._account = account
        self._keeps_names = keeps_names
        self._room = MAX_PROMPT_PIECES
        self._cut: dict[int, CutSegment] = {}
        self.pieces: dict[ContentHash, tuple[Piece, ...]] = {}

    def cut(self, index: int) -> CutSegment:
        """The pieces of a segment, with their texts; none if the prompt has too many, or was released."""
        if index not in self._cut:
            if self._room <= 0 or self._segments is None:
                return _UNCUT
            parts = cut(
                self._segments[index],
                min(MAX_PIECES, self._room),
                account=self._account,
                keeps_names=self._keeps_names,
            )
            self._room -= len(parts) or 1
            pieces = hash_pieces(parts, self._index.known_pieces)
            self.pieces[self._links[index].content] = pieces
            self._cut[index] = CutSegment(pieces, parts)
        return self._cut[index]

    def cut_up_to(self, prefix: PrefixHash | None) -> None:
        """Cut all segments up to the one that a prefix ends with; none if the prompt does not have it."""
        ends = [position for position, link in enumerate(self._links) if link.prefix == prefix]
        for position in range(ends[0] + 1 if ends else 0):
            self.cut(position)

    def release(self) -> None:
        """Release the request: from now on, only segments that were cut have pieces."""
        self._segments = None

    @property
    def cut_segments(self) -> Mapping[int, CutSegment]:
        """The segments that were cut, by index."""
        return self._cut


def compare(index: PrefixIndex, sent: SentPrompt, match: PrefixMatch, cutter: Cutter) -> Comparison | None:
    """Compare a new prompt with the earlier one it resembles most; None if none resembles it.

    Segments that the index does not know are cut, so that it knows their pieces later.
    """
    links = sent.prompt.links
    if match.known_links == len(links):
        return match.latest and Comparison(match.latest, None, sent.prompt.size_bytes, 0)
    for position in range(match.known_links, len(links)):
        content = links[position].content
        if not index.pieces(content) and content not in cutter.pieces:
            cutter.cut(position)
    candidates = find_candidates(index, sent, match, cutter.pieces)
    if not candidates:
        return None
    nearest = nearest_prompt(index, sent, candidates, cutter.pieces)
    return compare_with(index, sent, cutter, nearest, candidates)


def compare_with(
    history: EarlierPrompts,
    sent: SentPrompt,
    cutter: Cutter,
    nearest: SentPrompt,
    candidates: Iterable[SentPrompt] = (),
    known: KnownContent | None = None,
) -> Comparison:
    """Compare a new prompt with a given earlier one.

    Args:
        history: What was sent before.
        sent: The new prompt.
        cutter: Cuts its segments.
        nearest: The earlier one.
        candidates: Other earlier ones, which may share a longer start with the new one.
        known: What counts as content that was sent before; None for all that was.
    """
    links, old = sent.prompt.links, nearest.prompt.links
    common = common_length(links, old)
    if common in (len(links), len(old)):
        return Comparison(nearest, None, links[common - 1].end_bytes if common else 0, 0)
    own_start = furthest = _common_start(history, sent, cutter, nearest, common)
    for other in candidates:
        if other is not nearest:
            its_common = common_length(links, other.prompt.links)
            furthest = max(furthest, _common_start(history, sent, cutter, other, its_common), key=_end_bytes)
    return Comparison(
        nearest=nearest,
        divergence=locate(links, old, common, cutter.cut, history.pieces),
        common_bytes=furthest.end_bytes,
        avoidable_bytes=_avoidable_bytes(known or history, links, cutter, own_start),
        cached=history.cached(furthest.followed_by, sent.scope) if furthest.followed_by is not None else {},
        is_other_template=is_other_template(history, sent, nearest, cutter.pieces),
    )


class _CommonStart(NamedTuple):
    """The common start of two prompts."""

    links: int
    pieces: int
    """Common pieces of the first segment that differs."""
    end_bytes: int
    followed_by: PrefixHash | None
    """Of the earlier prompt, up to and including the segment that differs; None if it ends before."""


_end_bytes = attrgetter("end_bytes")


def _common_start(
    history: EarlierPrompts, sent: SentPrompt, cutter: Cutter, other: SentPrompt, common: int
) -> _CommonStart:
    """What a prompt begins with in another one, given how many links they share."""
    links, old = sent.prompt.links, other.prompt.links
    end_bytes = links[common - 1].end_bytes if common else 0
    if common in (len(links), len(old)):
        return _CommonStart(common, 0, end_bytes, old[common].prefix if common < len(old) else None)
    here = cutter.cut(common).pieces
    shared = common_pieces(here, history.pieces(old[common].content))
    shared_bytes = min(links[common].size_bytes, sum([piece.size_bytes for piece in here[:shared]]))
    return _CommonStart(common, shared, end_bytes + shared_bytes, old[common].prefix)


def _avoidable_bytes(
    history: KnownContent, links: Sequence[Link], cutter: Cutter, start: _CommonStart
) -> int:
    """Length of the content that was sent before and follows the place where the prompt diverges."""
    first, here = links[start.links], cutter.cut(start.links).pieces
    rest_bytes = first.end_bytes - start.end_bytes
    # A known segment only moved; of an unknown one, the known pieces count.
    is_known = history.is_known(first.content)
    avoidable_bytes = rest_bytes if is_known else min(rest_bytes, _known_bytes(history, here[start.pieces :]))
    for link in links[start.links + 1 :]:
        if history.is_known(link.content) and link.size_bytes >= MIN_REUSED_BYTES:
            avoidable_bytes += link.size_bytes
        else:
            avoidable_bytes += _known_bytes(history, cutter.pieces.get(link.content, ()))
    return avoidable_bytes


def _known_bytes(history: KnownContent, pieces: Sequence[Piece]) -> int:
    """Length of the pieces that were sent before, in runs that are long enough."""
    known_bytes = run_bytes = 0
    known = history.known_pieces
    for piece in pieces:
        if piece.exact in known:
            run_bytes += piece.size_bytes
            continue
        if run_bytes >= MIN_REUSED_BYTES:
            known_bytes += run_bytes
        run_bytes = 0
    return known_bytes + (run_bytes if run_bytes >= MIN_REUSED_BYTES else 0)
