"""Cuts the content of a segment into sentences or members, which survive when it is edited elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, cast

from otel_promptcache.core.chain import ContentHash, size_bytes_of
from otel_promptcache.core.masking import is_plain, mask_volatile
from otel_promptcache.core.prompt import Segment, canonical_json

MAX_PIECES = 1_024
"""Pieces that one segment is cut into; what follows is one piece more."""
_PARTS_AT_ONCE = 16

# A piece ends where a sentence or a line does, so that an insertion moves only the pieces it touches.
# A mark inside a word, as in a decimal, a date or an address, ends nothing.
_END = r"[.!?\n\u3002\uff01\uff1f]"
_INSIDE = r"[^.!?\n\u3002\uff01\uff1f]"
_PIECE = re.compile(
    rf"(?:[.!?](?=[^\s.!?]))?{_INSIDE}{{1,256}}(?:[.!?](?=[^\s.!?]){_INSIDE}{{1,256}}){{0,8}}{_END}*\s*|{_END}+\s*"
)


class Piece(NamedTuple):
    """A part of a segment: a sentence of a text, a member of a JSON value."""

    path: str
    """Path inside a JSON value, such as `.function.description`; empty for a text."""
    exact: ContentHash
    masked: ContentHash
    """With dates, numbers and ids masked: equal where only such values differ."""
    size_bytes: int


_NONE: Mapping[ContentHash, Piece] = MappingProxyType({})

Part = tuple[str, str]
"""Where in its segment a piece stands, as in `Piece.path`, and its text."""


def cut(segment: Segment) -> list[Part]:
    """Cut a segment into pieces: sentences of a text, members of a JSON value."""
    value = segment.value
    is_text = isinstance(value, str)
    parts = [("", text) for text in _PIECE.findall(value)] if is_text else [*_members(value, "")]
    if rest := parts[MAX_PIECES:]:
        parts[MAX_PIECES:] = [(rest[0][0], "".join([text for _, text in rest]))]
    return parts


def hash_pieces(parts: Sequence[Part], known: Mapping[ContentHash, Piece] = _NONE) -> tuple[Piece, ...]:
    """Hash the pieces of a segment, each exactly and with volatile literals masked.

    Args:
        parts: What the segment was cut into.
        known: Pieces by their exact hash, which saves masking them again.
    """
    pieces: list[Piece] = []
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        group = parts[start : start + _PARTS_AT_ONCE]
        # Nothing to mask in all of them together is nothing to mask in any: a fifth of the time.
        has_literals = not is_plain("".join([text for _, text in group]))
        for part in group:
            exact = masked = ContentHash(hash(part))
            piece = known.get(exact)
            if piece is None:
                path, text = part
                if has_literals and (masked_text := mask_volatile(text)) != text:
                    masked = ContentHash(hash((path, masked_text)))
                piece = Piece(path, exact, masked, size_bytes_of(text))
            pieces.append(piece)
    return tuple(pieces)


def _members(value: object, path: str) -> Iterator[Part]:
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[object, object]", value).items():
            yield from _members(member, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(cast("Sequence[object]", value)):
            yield from _members(member, f"{path}[{index}]")
    else:
        yield path, canonical_json(value)
