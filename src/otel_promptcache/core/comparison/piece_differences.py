"""What happened to the pieces of an edited segment, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from otel_promptcache.core.comparison.divergence import CutSegment, DivergenceKind, common_pieces
from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.literals import changed_kinds, volatile_kind
from otel_promptcache.core.prompt.pieces import Piece, hash_piece
from otel_promptcache.core.prompt.serial import size_bytes_of

SPACES = (" ", "\n", "\n\n", "  ", "\r\n", "\r\n\r\n", "\n\n\n", "\t", " \n", "\n  ", "\n    ")
"""What usually separates two sentences."""
_MAX_SPACE_BYTES = max(map(len, SPACES))


class PieceEvent(NamedTuple):
    """Pieces that did not change, or a difference."""

    kind: DivergenceKind | None
    """None if the pieces are the same."""
    at: int
    """Index of the first piece; the number of pieces if the difference is after all of them."""
    end: int
    """Index after the last piece."""


def compare_pieces(here: CutSegment, there: Sequence[Piece]) -> Iterator[PieceEvent]:
    """Go through the pieces of a segment and of an earlier one side by side.

    Nothing follows `REORDERED`, because the pieces after it do not correspond. Nothing is yielded if either of the two
    has no pieces.
    """
    mine, theirs = here.pieces, there
    if not mine or not theirs:
        return
    my_places: dict[ContentHash, int] = {}  # filled only if needed: most prompts differ in literals only
    their_places: dict[ContentHash, int] = {}
    at = other_at = 0
    while at < len(mine) and other_at < len(theirs):
        one, other = mine[at], theirs[other_at]
        if one.exact == other.exact:
            same = common_pieces(mine[at:], theirs[other_at:])
            yield PieceEvent(None, at, at + same)
            at, other_at = at + same, other_at + same
        elif one.masked == other.masked:
            text = here.parts[at][2]
            for kind in changed_kinds(text, one.marks, other.marks) or [volatile_kind(text)]:
                yield PieceEvent(DivergenceKind(kind), at, at + 1)
            at, other_at = at + 1, other_at + 1
        elif _has_only_another_end(here, at, theirs, other_at):
            yield PieceEvent(None, at, at + 1)
            at, other_at = at + 1, other_at + 1
        else:
            my_places = my_places or _first_places(mine)
            their_places = their_places or _first_places(theirs)
            mine_later, theirs_later = my_places.get(other.exact, -1), their_places.get(one.exact, -1)
            kind = _kind(is_mine_later=theirs_later > other_at, is_theirs_later=mine_later > at)
            end = {DivergenceKind.ADDED: mine_later, DivergenceKind.REMOVED: at}.get(kind, at + 1)
            yield PieceEvent(kind, at, end)
            if kind is DivergenceKind.REORDERED:
                return
            other_end = {DivergenceKind.ADDED: other_at, DivergenceKind.REMOVED: theirs_later}
            at, other_at = end, other_end.get(kind, other_at + 1)
    if at < len(mine):
        yield PieceEvent(DivergenceKind.ADDED, at, len(mine))
    elif other_at < len(theirs):
        yield PieceEvent(DivergenceKind.REMOVED, at, at)


def _kind(*, is_mine_later: bool, is_theirs_later: bool) -> DivergenceKind:
    """What happened where two pieces differ, by whether each of them occurs later on the other side."""
    if is_mine_later and is_theirs_later:
        return DivergenceKind.REORDERED
    if is_theirs_later:
        return DivergenceKind.ADDED
    return DivergenceKind.REMOVED if is_mine_later else DivergenceKind.EDITED


def _first_places(pieces: Sequence[Piece]) -> dict[ContentHash, int]:
    return {pieces[index].exact: index for index in range(len(pieces) - 1, -1, -1)}


def _has_only_another_end(here: CutSegment, at: int, theirs: Sequence[Piece], other_at: int) -> bool:
    """Whether a sentence is the same except for the space after it, because the next one was added or removed."""
    following = here.pieces[at + 1].exact if at + 1 < len(here.pieces) else None
    other_following = theirs[other_at + 1].exact if other_at + 1 < len(theirs) else None
    if following == other_following:
        return False
    _, place, text, whole = here.parts[at]
    if whole is not None:
        return False
    bare = text.rstrip()
    if not 0 <= theirs[other_at].size_bytes - size_bytes_of(bare) <= _MAX_SPACE_BYTES:
        return False
    exact = theirs[other_at].exact
    return any(hash_piece(place, bare + space) == exact for space in ("", *SPACES))
