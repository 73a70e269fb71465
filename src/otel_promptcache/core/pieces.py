"""Cuts the content of a segment into sentences or members, which survive when it is edited elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, cast

from otel_promptcache.core.chain import ContentHash, size_bytes_of
from otel_promptcache.core.fingerprint import mask_volatile
from otel_promptcache.core.prompt import Segment, canonical_json

MAX_PIECES = 1_024
"""Pieces that one segment is cut into; what follows is one piece more."""

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


def cut(segment: Segment) -> Iterator[tuple[str, str]]:
    """Cut a segment into pieces, as pairs of path and text: sentences of a text, members of a JSON value."""
    if isinstance(segment.value, str):
        pieces: Iterable[tuple[str, str]] = (("", text) for text in _PIECE.findall(segment.value))
    else:
        pieces = _members(segment.value, "")
    remaining = iter(pieces)
    yield from islice(remaining, MAX_PIECES)
    if rest := list(remaining):
        yield rest[0][0], "".join(text for _, text in rest)


def hash_piece(path: str, text: str, known: Callable[[ContentHash], Piece | None] = lambda _: None) -> Piece:
    """Hash one piece, exactly and with volatile literals masked.

    Args:
        path: Where in its segment it stands.
        text: The piece.
        known: Finds a piece by its exact hash, which saves masking it again.
    """
    exact = ContentHash(hash((path, text)))
    if (piece := known(exact)) is not None:
        return piece
    masked_text = mask_volatile(text)
    masked = exact if masked_text == text else ContentHash(hash((path, masked_text)))
    return Piece(path, exact, masked, size_bytes_of(text))


def _members(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[object, object]", value).items():
            yield from _members(member, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(cast("Sequence[object]", value)):
            yield from _members(member, f"{path}[{index}]")
    else:
        yield path, canonical_json(value)
