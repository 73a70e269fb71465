"""Writes the segments of a leading part and what follows it as bytes: kinds, sizes, paths and hashes, no text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from otel_promptcache.core.prompt.chain import HashedPrompt
from otel_promptcache.core.prompt.literals import MARK_BYTES, MAX_LITERALS
from otel_promptcache.core.prompt.segments import Role, SegmentKind
from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.naming.pieces import FleetPiece
from otel_promptcache.fleet.store import HASH_BYTES

MAX_LINKS = 64
"""Segments of a prompt that are written."""
MAX_PIECES = 192
"""Pieces of all its segments that are written."""
MAX_BODY_BYTES = 24_576
_SHORT = 5
_MAX_MARKS_BYTES = MAX_LITERALS * MARK_BYTES
_KINDS, _ROLES = tuple(SegmentKind), tuple(Role)
_PATH = re.compile(r"[a-z_.\[\]0-9]{0,63}")


class BodyLink(NamedTuple):
    """A segment as written."""

    kind: SegmentKind
    role: Role
    ends_message: bool
    content: bytes
    label: bytes
    """Empty if it has none."""
    size_bytes: int
    path: str
    pieces: tuple[FleetPiece, ...]
    """Empty if they were not written."""


class Body(NamedTuple):
    """A prompt as written."""

    template: bytes
    is_explicit: bool
    leading: int
    """Index of the last segment of its leading part; -1 if it has none."""
    links: tuple[BodyLink, ...]
    contents: frozenset[bytes]


class BadBodyError(ValueError):
    """Bytes that are not a body."""


def write_body(
    template: bytes,
    prompt: HashedPrompt,
    hashes: FleetHashes,
    pieces: Mapping[bytes, Sequence[FleetPiece]],
    *,
    is_explicit: bool,
) -> bytes | None:
    """Write a prompt; None if the names of its contents are no longer remembered.

    Args:
        template: The name of its template.
        prompt: The prompt.
        hashes: What names its contents.
        pieces: The pieces of its segments, by the name of the content, as far as they are known.
        is_explicit: It has no implicit breakpoint.
    """
    links = prompt.links[:MAX_LINKS]
    leading = next((index for index, link in enumerate(links) if link.prefix == prompt.leading), -1)
    parts = [template, bytes((is_explicit, leading + 1, len(links)))]
    room = MAX_PIECES
    for link in links:
        content = hashes.content(link.content)
        if content is None:
            return None
        label = hashes.label(link.label) if link.kind is SegmentKind.TOOL else b""
        path = link.path.encode() if _PATH.fullmatch(link.path) else b""
        kind = _KINDS.index(link.kind)
        flags = kind & 3 | _ROLES.index(link.role) << 2 | link.ends_message << 5 | kind >> 2 << 6
        its_pieces = pieces.get(content, ())
        if len(its_pieces) > room:
            its_pieces = ()
        room -= len(its_pieces)
        parts += (
            bytes((flags, len(label), len(path))),
            content,
            label,
            path,
            _number(link.size_bytes),
            _number(len(its_pieces)),
        )
        parts += map(_piece, its_pieces)
    return b"".join(parts)


def read_body(data: bytes) -> Body:
    """Read a prompt.

    Raises:
        BadBodyError: The bytes are not a body.
    """
    if len(data) > MAX_BODY_BYTES:
        raise BadBodyError(f"a body of {len(data)} bytes")
    reader = _Reader(data)
    template = reader.take(HASH_BYTES)
    is_explicit, leading, count = reader.take(3)
    if count > MAX_LINKS or leading > count:
        raise BadBodyError("a body with too many segments")
    links = tuple([_read_link(reader) for _ in range(count)])
    contents = frozenset([link.content for link in links])
    return Body(template, bool(is_explicit), leading - 1, links, contents)


def _piece(piece: FleetPiece) -> bytes:
    if piece.masked == piece.exact:
        return piece.exact + _number(piece.size_bytes << 1)
    marks = piece.marks[:_MAX_MARKS_BYTES]
    return piece.exact + _number(piece.size_bytes << 1 | 1) + piece.masked + bytes((len(marks),)) + marks


def _read_link(reader: _Reader) -> BodyLink:
    flags, label_bytes, path_bytes = reader.take(3)
    kind, role = flags & 3 | flags >> 6 << 2, flags >> 2 & 7
    content, label, path = (
        reader.take(HASH_BYTES),
        reader.take(label_bytes),
        reader.take(path_bytes).decode("latin-1"),
    )
    size_bytes, count = reader.number(), reader.number()
    if (
        kind >= len(_KINDS)
        or role >= len(_ROLES)
        or count > MAX_PIECES
        or label_bytes > HASH_BYTES
        or not _PATH.fullmatch(path)
    ):
        raise BadBodyError("a segment of an unknown shape")
    pieces = tuple([_read_piece(reader) for _ in range(count)])
    return BodyLink(
        _KINDS[kind], _ROLES[role], bool(flags >> 5 & 1), content, label, size_bytes, path, pieces
    )


def _read_piece(reader: _Reader) -> FleetPiece:
    exact, size = reader.take(_SHORT), reader.number()
    if not size & 1:
        return FleetPiece(exact, exact, size >> 1, b"")
    masked = reader.take(_SHORT)
    return FleetPiece(exact, masked, size >> 1, reader.take(min(reader.take(1)[0], _MAX_MARKS_BYTES)))


def _number(value: int) -> bytes:
    """Write a number in as many bytes as it needs, seven bits each."""
    parts = bytearray()
    while value >> 7:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


class _Reader:
    """Reads bytes one part after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise BadBodyError("a body that ends early")
        self._at += count
        return taken

    def number(self) -> int:
        """The next number."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  # the last byte has no mark
                return value
            shift += 7
            if shift > 42:  # noqa: PLR2004  # more bits than any size has
                raise BadBodyError("a number that is too large")
