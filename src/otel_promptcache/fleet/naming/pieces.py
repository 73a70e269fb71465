"""Names pieces of segments for the fleet, and translates the fleet's names into this process's own."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from otel_promptcache.core.comparison.divergence import CutSegment
from otel_promptcache.core.comparison.piece_differences import SPACES
from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.literals import MARK_FORMAT, literals
from otel_promptcache.core.prompt.masking import mask_volatile
from otel_promptcache.core.prompt.pieces import Part, Piece, hash_piece
from otel_promptcache.fleet.naming.hashes import FleetHashes

_MAX_KNOWN = 8_192
_MIN_BYTES, _SAMPLE = 48, 8
_MAX_ENDS = 16
"""Pieces that are also looked for with a different end."""


class FleetPiece(NamedTuple):
    """A piece as the fleet names it."""

    exact: bytes
    masked: bytes
    size_bytes: int
    marks: bytes


class FleetPieces:
    """Names the pieces of segments that were cut; remembers names by this process's own hashes."""

    def __init__(self, hashes: FleetHashes) -> None:
        self._hashes = hashes
        self._known: dict[ContentHash, FleetPiece] = {}

    def named(self, cut: CutSegment) -> tuple[FleetPiece, ...]:
        """The pieces of a segment."""
        known, name = self._known, self._remember
        pairs = zip(cut.pieces, cut.parts, strict=True)
        return tuple([known.get(piece.exact) or name(piece, part) for piece, part in pairs])

    def sample(self, cut: CutSegment) -> list[bytes]:
        """The smallest names of the longer pieces of a segment, which a different version of it has as well."""
        named = [each.exact for each in self.named(cut) if each.size_bytes >= _MIN_BYTES]
        return sorted(named)[:_SAMPLE]

    def _remember(self, piece: Piece, part: Part) -> FleetPiece:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        named = self._known[piece.exact] = self._name(piece, part)
        return named

    def _name(self, piece: Piece, part: Part) -> FleetPiece:
        _, place, text, whole = part
        if whole is not None:  # without its text, it is equal as a whole or counts as edited
            text = str(whole.exact)
        exact = masked = self._hashes.piece(place, text)
        marks = b""
        if piece.masked != piece.exact:
            masked = self._hashes.piece(place, mask_volatile(text))
            marks = b"".join([self._hashes.mark(literal) for literal in literals(text)])
        return FleetPiece(exact, masked, piece.size_bytes, marks)


class OwnNames:
    """This process's own hashes of the pieces of one prompt that the fleet also knows."""

    def __init__(self, hashes: FleetHashes, pieces: FleetPieces, segments: Iterable[CutSegment]) -> None:
        self._hashes = hashes
        self._exact: dict[bytes, ContentHash] = {}
        self._masked: dict[bytes, tuple[Piece, FleetPiece]] = {}
        self._parts: list[tuple[bytes, Part]] = []
        self._spaced: dict[bytes, dict[bytes, ContentHash]] = {}
        for cut in segments:
            for piece, named, part in zip(cut.pieces, pieces.named(cut), cut.parts, strict=True):
                self._exact[named.exact] = piece.exact
                if piece.marks:
                    self._masked[named.masked] = piece, named
                self._parts.append((named.exact, part))

    def translate(self, segments: Sequence[Sequence[FleetPiece]]) -> list[tuple[Piece, ...]]:
        """The pieces of each segment of an earlier prompt, with this process's own hashes if it has them."""
        theirs = {piece.exact for pieces in segments for piece in pieces}
        ends = {} if theirs <= self._exact.keys() else self._ends(theirs)
        return [tuple([self._own(piece, ends) for piece in pieces]) for pieces in segments]

    def _own(self, piece: FleetPiece, ends: Mapping[bytes, ContentHash]) -> Piece:
        exact = self._exact.get(piece.exact) or ends.get(piece.exact) or _opaque(piece.exact)
        if piece.masked == piece.exact:
            return Piece(exact, exact, piece.size_bytes)
        mine = self._masked.get(piece.masked)
        if mine is None:
            return Piece(exact, _opaque(piece.masked), piece.size_bytes)
        own, named = mine
        if len(named.marks) != len(piece.marks):
            return Piece(exact, own.masked, piece.size_bytes)
        # This process's own mark if the literal is the same, a different one if it is not.
        each = zip(
            *[memoryview(marks).cast(MARK_FORMAT) for marks in (own.marks, named.marks, piece.marks)],
            strict=True,
        )
        marks = [mark if mine == other else mark ^ 1 for mark, mine, other in each]
        return Piece(exact, own.masked, piece.size_bytes, array(MARK_FORMAT, marks).tobytes())

    def _ends(self, theirs: set[bytes]) -> dict[bytes, ContentHash]:
        """The first pieces that are not among theirs, with different whitespace after them."""
        ends: dict[bytes, ContentHash] = {}
        missing = [(exact, part) for exact, part in self._parts if exact not in theirs]
        for exact, part in missing[:_MAX_ENDS]:
            if exact not in self._spaced:
                self._spaced[exact] = self._other_spaces(part)
            ends.update(self._spaced[exact])
        return ends

    def _other_spaces(self, part: Part) -> dict[bytes, ContentHash]:
        _, place, text, whole = part
        if whole is not None:
            return {}
        bare = text.rstrip()
        return {
            self._hashes.piece(place, bare + space): hash_piece(place, bare + space)
            for space in ("", *SPACES)
        }


def _opaque(name: bytes) -> ContentHash:
    """A hash that equals none of this process's own."""
    return ContentHash(int.from_bytes(name, "big") | 1 << 80)
