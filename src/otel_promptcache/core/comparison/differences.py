"""All places where a prompt differs from an earlier one, up to the first long unchanged part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otel_promptcache.core.comparison.divergence import (
    CutSegment,
    Difference,
    Divergence,
    DivergenceKind,
    other_segment,
)
from otel_promptcache.core.comparison.piece_differences import compare_pieces
from otel_promptcache.core.prompt.chain import ContentHash, Link
from otel_promptcache.core.prompt.pieces import Piece
from otel_promptcache.core.prompt.segments import Role

MAX_DIFFERENCES = 5
"""Places where a prompt differs; further ones are not named."""
UNCHANGED_BYTES = 4_096
"""Bytes, about 1,024 tokens: this much unchanged text can be cached once the differences before it are gone."""
_MAX_SEGMENTS = 64
"""Segments that are compared after the first difference."""


def locate(
    new: Sequence[Link],
    old: Sequence[Link],
    start: int,
    cut: Callable[[int], CutSegment],
    pieces: Callable[[ContentHash], Sequence[Piece]],
) -> Divergence:
    """Find where a prompt differs from an earlier one; they must differ before either of them ends.

    Args:
        new: The links of the prompt.
        old: The links of the earlier one.
        start: How many links they share.
        cut: Gives the pieces of a segment of the prompt, by its index.
        pieces: Gives the pieces of a segment of the earlier one; empty if they are not remembered.
    """
    walk = _Walk(new, old, cut, pieces)
    walk.follow(start)
    first = walk.found[0]
    return Divergence(
        path=first.path,
        kind=first.kind,
        segment=first.segment,
        is_compaction=new[start].role is Role.COMPACTION,
        offset_bytes=first.offset_bytes,
        end_bytes=first.end_bytes,
        differences=tuple(walk.found),
    )


@dataclass(slots=True)
class _Walk:
    """Goes through two prompts side by side."""

    new: Sequence[Link]
    old: Sequence[Link]
    cut: Callable[[int], CutSegment]
    pieces: Callable[[ContentHash], Sequence[Piece]]
    found: list[Difference] = field(default_factory=list[Difference])
    unchanged_bytes: int = 0
    is_over: bool = False

    def follow(self, start: int) -> None:
        """Collect the differences, starting with the first segment that is not the same."""
        mine_at = theirs_at = start
        new_end, old_end = (
            min(len(self.new), start + _MAX_SEGMENTS),
            min(len(self.old), start + _MAX_SEGMENTS),
        )
        while not self.is_over and mine_at < new_end and theirs_at < old_end:
            mine, theirs = self.new[mine_at], self.old[theirs_at]
            skips_mine = skips_theirs = True
            if mine_at > start and mine.content == theirs.content:
                self._is_unchanged(mine.size_bytes)
            elif (other := other_segment(self.new, self.old, mine_at, theirs_at)) is not None:
                begin = mine.end_bytes - mine.size_bytes
                end = mine.end_bytes if other.skips_mine else begin
                self._differs(Difference(other.path, other.kind, other.segment, begin, end))
                skips_mine, skips_theirs = other.skips_mine, other.skips_theirs
                self.is_over |= not (skips_mine or skips_theirs)  # what follows does not correspond
            else:
                self._compare(mine, self.cut(mine_at), self.pieces(theirs.content))
            mine_at += skips_mine
            theirs_at += skips_theirs

    def _is_unchanged(self, size_bytes: int) -> None:
        self.unchanged_bytes += size_bytes
        self.is_over |= bool(self.found) and self.unchanged_bytes >= UNCHANGED_BYTES

    def _differs(self, difference: Difference) -> None:
        self.found.append(difference)
        self.unchanged_bytes = 0
        self.is_over |= len(self.found) >= MAX_DIFFERENCES

    def _compare(self, link: Link, here: CutSegment, there: Sequence[Piece]) -> None:
        """Collect the differences inside a segment that was edited."""
        begin, end = link.end_bytes - link.size_bytes, link.end_bytes
        count = len(self.found)
        offset_bytes, offset_at = begin, 0  # of the pieces that were passed
        for event in compare_pieces(here, there):
            if self.is_over:
                return
            offset_bytes += sum([piece.size_bytes for piece in here.pieces[offset_at : event.at]])
            offset_at = event.at
            size_bytes = sum([piece.size_bytes for piece in here.pieces[event.at : event.end]])
            if event.kind is None:
                self._is_unchanged(size_bytes)
                continue
            path = here.parts[min(event.at, len(here.parts) - 1)][0]
            begin_bytes, end_bytes = min(offset_bytes, end), min(offset_bytes + size_bytes, end)
            self._differs(Difference(link.path + path, event.kind, link.kind, begin_bytes, end_bytes))
            self.is_over |= event.kind is DivergenceKind.REORDERED
        if len(self.found) == count:  # they differ in something that the pieces do not show
            at_bytes = end if there and here.pieces else begin
            self._differs(Difference(link.path, DivergenceKind.EDITED, link.kind, at_bytes, end))
