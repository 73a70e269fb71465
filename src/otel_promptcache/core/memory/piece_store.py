"""The sentences and members of sent segments, by hash."""

from __future__ import annotations

from collections import OrderedDict

from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.pieces import Piece

MAX_PIECES = 49_152
"""Pieces that are kept in total; each segment that was cut counts as one more."""
PIECE_BYTES = 330
"""Bytes that one of them takes at most, including what it is found by."""


class PieceStore:
    """Knows the pieces of segments and where a piece came from; bounded, the oldest segments are forgotten first.

    Not thread-safe for writing.
    """

    def __init__(self) -> None:
        self._pieces: OrderedDict[ContentHash, tuple[Piece, ...]] = OrderedDict()
        self.known: dict[ContentHash, Piece] = {}
        """Each piece that is kept, by its exact hash."""
        self.homes: dict[ContentHash, ContentHash] = {}
        """By the same hash, a segment that contains the piece."""
        self._held = 0

    def __len__(self) -> int:
        """How many pieces and segments are kept."""
        return self._held

    def of(self, content: ContentHash) -> tuple[Piece, ...]:
        """The pieces of a segment; empty if they are not, or no longer, remembered."""
        return self._pieces.get(content, ())

    def hold(self, content: ContentHash, pieces: tuple[Piece, ...]) -> None:
        """Remember the pieces of a segment."""
        if (before := self._pieces.pop(content, None)) is not None:
            self._held -= len(before) + 1
        self._held += len(pieces) + 1
        self._pieces[content] = pieces
        for piece in pieces:
            self.known[piece.exact] = piece
            self.homes[piece.exact] = content
        while self._held > MAX_PIECES and len(self._pieces) > 1:
            self.drop(next(iter(self._pieces)))

    def drop(self, content: ContentHash) -> None:
        """Forget the pieces of a segment."""
        gone = self._pieces.pop(content, None)
        if gone is None:
            return
        self._held -= len(gone) + 1
        for piece in gone:
            if self.homes.get(piece.exact) == content:
                del self.known[piece.exact], self.homes[piece.exact]
