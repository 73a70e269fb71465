"""Cuts the content of a segment into sentences or members, which stay the same when it is edited elsewhere."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, NewType, cast

from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.literals import literal_marks
from otel_promptcache.core.prompt.masking import is_plain, mask_volatile
from otel_promptcache.core.prompt.paths import Names, item_path, member_step
from otel_promptcache.core.prompt.segments import Segment
from otel_promptcache.core.prompt.serial import canonical_json, serial, size_bytes_of

MAX_PIECES = 1_024
"""Pieces that one segment is cut into; the rest of a text, or an object or array with more members, is one more."""
MAX_DEPTH = 16
"""Levels of objects and arrays that are cut; anything nested deeper is one piece."""
_PARTS_AT_ONCE = 16
_BLOCK_CHARS = 65_536

# A piece ends where a sentence or a line does, so that an insertion affects only the pieces it touches.
# A mark inside a word, as in a decimal, a date or an address, does not end a piece.
_END = r"[.!?\n\u3002\uff01\uff1f]"
_INSIDE = r"[^.!?\n\u3002\uff01\uff1f]"
_PIECE = re.compile(
    rf"(?:[.!?](?=[^\s.!?]))?{_INSIDE}{{1,256}}(?:[.!?](?=[^\s.!?]){_INSIDE}{{1,256}}){{0,8}}{_END}{{0,256}}\s{{0,256}}"
    rf"|{_END}{{1,256}}\s{{0,256}}"
)

# In JSON, and in text that looks like it, a piece may also end after a member, once it is long enough.
_JSON_PIECE = re.compile(rf"{_INSIDE}{{64,256}}?,\s?(?=[\"{{\[])|{_PIECE.pattern}")
_JSON_MARK, _MARK_CHARS = '":', 1_024
# An image or a file as text; 256 characters of one mean nothing on their own.
_ENCODED = re.compile(r"(?:data:[^,\s]{0,128},)?[A-Za-z0-9+/=_-]{512}")
_SPACE = re.compile(r"\s")

PlaceHash = NewType("PlaceHash", int)
"""Of the path from a segment to a place in it, with the names that the application gave; equal in every process."""


class Piece(NamedTuple):
    """A part of a segment: a sentence of a text, a member of a JSON value."""

    exact: ContentHash
    """Of the text and of its place in a JSON value."""
    masked: ContentHash
    """With dates, numbers and ids masked: equal if only such values differ."""
    size_bytes: int
    marks: bytes = b""
    """Of its volatile literals, to find those that changed."""


Part = tuple[str, PlaceHash, str, Piece | None]
"""A piece while its text is available.

First comes its path in the segment, such as `.function.description`: empty in a text, and without names that the
application made up unless a setting allows them. Then its place, and its text. Last, if it is too long to be masked,
the piece already hashed: its text is left out. A plain tuple, because each sentence of each new prompt becomes one.
"""

_WORD = 0xFFFFFFFF

_NONE: Mapping[ContentHash, Piece] = MappingProxyType({})


def cut(
    segment: Segment, max_pieces: int = MAX_PIECES, *, account: int = 0, keeps_names: bool = False
) -> list[Part]:
    """Cut a segment into pieces: members of a JSON value, and sentences of each text in it.

    Args:
        segment: What to cut.
        max_pieces: The maximum number of pieces; there may be one more for the rest.
        account: The account that it is sent on: nothing is shared between accounts.
        keeps_names: Paths may contain the names that the application gave to members.
    """
    if segment.value == "":
        return []
    members = _Members(max_pieces - 1, keeps_names=keeps_names)
    members.add(segment.value, "", Names.WIRE, PlaceHash(account & _WORD), 0)
    return members.parts


def hash_pieces(parts: Sequence[Part], known: Mapping[ContentHash, Piece] = _NONE) -> tuple[Piece, ...]:
    """Hash the pieces of a segment with volatile literals masked.

    Args:
        parts: What the segment was cut into.
        known: Pieces by their exact hash, which saves masking them again.
    """
    pieces: list[Piece] = []
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        group = parts[start : start + _PARTS_AT_ONCE]
        # If the joined texts have nothing to mask, none of them has: this takes a fifth of the time.
        has_literals = len(group) == 1 or not is_plain("".join([text for _, _, text, _ in group]))
        for _, place, text, whole in group:
            exact = masked = whole.exact if whole else ContentHash(hash((place, text)))
            piece = known.get(exact, whole)
            if piece is None:
                marks = b""
                if has_literals and (masked_text := mask_volatile(text)) != text:
                    masked, marks = ContentHash(hash((place, masked_text))), literal_marks(text)
                piece = Piece(exact, masked, size_bytes_of(text), marks)
            pieces.append(piece)
    return tuple(pieces)


def hash_piece(place: PlaceHash, text: str) -> ContentHash:
    """The exact hash of a piece that was not hashed as a whole."""
    return ContentHash(hash((place, text)))


def _inside(place: PlaceHash, name: str) -> PlaceHash:
    return PlaceHash(zlib.crc32(b"/" + name.encode("utf-8", "surrogatepass"), place))


def _sentences(text: str, path: str, place: PlaceHash, max_pieces: int) -> list[Part]:
    if _ENCODED.match(text) and not _SPACE.search(text):
        return [(path, place, "", _rest(text, place, 0))]
    pattern = _JSON_PIECE if _JSON_MARK in text[:_MARK_CHARS] else _PIECE
    sentences: list[str] = []
    end = 0
    while end < len(text) and len(sentences) <= max_pieces:
        found = pattern.findall(text, end, end + _BLOCK_CHARS)
        if end + _BLOCK_CHARS < len(text):  # the last may continue after the block
            found.pop()
        sentences += found
        end += sum(map(len, found))
    parts: list[Part] = [(path, place, sentence, None) for sentence in sentences[:max_pieces]]
    if len(sentences) > max_pieces:
        parts.append((path, place, "", _rest(text, place, sum(map(len, sentences[:max_pieces])))))
    return parts


def _rest(text: str, place: PlaceHash, start: int) -> Piece:
    """The part of a text that is not cut, hashed in blocks to avoid a second copy of it."""
    blocks = range(start, len(text), _BLOCK_CHARS)
    exact = ContentHash(hash((place, *[hash(text[at : at + _BLOCK_CHARS]) for at in blocks])))
    size_bytes = sum([size_bytes_of(text[at : at + _BLOCK_CHARS]) for at in blocks])
    return Piece(exact, exact, size_bytes)


class _Members:
    """The pieces of a JSON value, up to a limit; cutting an object or array uses it up by the number of members."""

    def __init__(self, room: int, *, keeps_names: bool) -> None:
        self.parts: list[Part] = []
        self._room = room
        self._keeps_names = keeps_names

    def add(self, value: object, path: str, names: Names, place: PlaceHash, depth: int) -> None:
        if not value or not isinstance(value, (dict, list, tuple)):
            self._add_leaf(value, path, place)
            return
        count = len(cast("Sequence[object]", value))
        if depth >= MAX_DEPTH or count - 1 > self._room:
            exact, size_bytes = _whole(cast("object", value), place)
            self.parts.append((path, place, "", Piece(exact, exact, size_bytes)))
            return
        self._room -= count - 1
        if isinstance(value, dict):
            for index, (key, member) in enumerate(cast("dict[object, object]", value).items()):
                inner, inner_names = member_step(path, names, key, index, keeps_names=self._keeps_names)
                self.add(member, inner, inner_names, _inside(place, str(key)), depth + 1)
        else:
            for index, member in enumerate(cast("Sequence[object]", value)):
                inner = item_path(path, index)
                # Without the index: an item that moved is the same item.
                self.add(member, inner, names, _inside(place, ""), depth + 1)

    def _add_leaf(self, value: object, path: str, place: PlaceHash) -> None:
        if isinstance(value, str) and value:
            sentences = _sentences(value, path, place, 1 + self._room)
            self._room -= min(self._room, len(sentences) - 1)
            self.parts += sentences
        else:
            # Its type counts: a number is not the text of its digits.
            typed = _inside(place, type(value).__name__)
            self.parts.append((path, typed, canonical_json(value), None))


def _whole(value: object, place: PlaceHash) -> tuple[ContentHash, int]:
    """The hash and the size of a JSON value that is not cut."""
    serialised = serial(value)
    return ContentHash(hash((place, serialised))), len(serialised)
