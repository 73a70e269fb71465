"""A prompt without its content: hashes and lengths that tell how far two prompts agree."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NewType, cast

from otel_promptcache.core.fingerprint import mask_volatile
from otel_promptcache.core.prompt import Role, Segment, SegmentKind, canonical_json

ContentHash = NewType("ContentHash", bytes)
"""Of a piece of content, wherever it stands."""

PrefixHash = NewType("PrefixHash", bytes)
"""Of everything up to a place: two prompts agree up to there exactly if these are equal."""

_HASH_BYTES = 12
_ROUTING_CHARS = 1_024
MAX_PIECES = 1_024
"""Pieces that one segment is cut into; what follows is one piece more."""

# A piece ends where a sentence or a line does, so that an insertion moves only the pieces it touches.
# A mark inside a word, as in a decimal, a date or an address, ends nothing.
_END = r"[.!?\n\u3002\uff01\uff1f]"
_INSIDE = r"[^.!?\n\u3002\uff01\uff1f]"
_PIECE = re.compile(
    rf"(?:[.!?](?=[^\s.!?]))?{_INSIDE}{{1,256}}(?:[.!?](?=[^\s.!?]){_INSIDE}{{1,256}}){{0,8}}{_END}*\s*|{_END}+\s*"
)


@dataclass(frozen=True, slots=True)
class Link:
    """One segment of a prompt, as a link of the chain."""

    kind: SegmentKind
    path: str
    role: Role
    ends_message: bool
    breakpoint_ttl: str | None
    label: ContentHash
    content: ContentHash
    prefix: PrefixHash
    """Of the prompt up to and including this segment."""
    size_bytes: int
    end_bytes: int
    """Length of the prompt up to and including this segment."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a segment: a sentence of a text, a member of a JSON value."""

    path: str
    """Path inside a JSON value, such as `.function.description`; empty for a text."""
    exact: ContentHash
    masked: ContentHash
    """With dates, numbers and ids masked: equal where only such values differ."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HashedPrompt:
    """A prompt as links, in render order; holds no text."""

    links: tuple[Link, ...]
    routing: ContentHash
    """Of the first 1,024 characters: requests that share it go to the same machines."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole prompt."""
        return self.links[-1].end_bytes if self.links else 0


def hash_prompt(segments: Sequence[Segment]) -> HashedPrompt:
    """Chain a prompt's segments; each link depends on all before it."""
    links: list[Link] = []
    prefix, end_bytes, head, begins_message = PrefixHash(b""), 0, "", True
    for segment in segments:
        text = segment.text()
        if len(head) < _ROUTING_CHARS:
            head += text[: _ROUTING_CHARS - len(head)]
        encoded = text.encode("utf-8", "surrogatepass")
        content = ContentHash(_digest(f"{segment.kind.value} {segment.role.value}".encode(), encoded))
        prefix = PrefixHash(_digest(prefix, content, b"|" if begins_message else b""))
        begins_message = segment.ends_message
        size_bytes = len(encoded) if segment.size_bytes is None else segment.size_bytes
        end_bytes += size_bytes
        links.append(
            Link(
                kind=segment.kind,
                path=segment.path,
                role=segment.role,
                ends_message=segment.ends_message,
                breakpoint_ttl=segment.breakpoint_ttl,
                label=hash_text(segment.label),
                content=content,
                prefix=prefix,
                size_bytes=size_bytes,
                end_bytes=end_bytes,
            )
        )
    return HashedPrompt(tuple(links), hash_text(head))


def hash_text(*texts: str) -> ContentHash:
    """Hash a text by itself, or several apart from each other."""
    return ContentHash(_digest(*(text.encode("utf-8", "surrogatepass") for text in texts)))


def cut(segment: Segment) -> Iterator[tuple[str, str]]:
    """Cut a segment into pieces, as pairs of path and text: sentences of a text, members of a JSON value."""
    if isinstance(segment.value, str):
        pieces: Iterable[tuple[str, str]] = (("", text) for text in _sentences(segment.value))
    else:
        pieces = _members(segment.value, "")
    remaining = iter(pieces)
    yield from islice(remaining, MAX_PIECES)
    if rest := list(remaining):
        yield rest[0][0], "".join(text for _, text in rest)


def hash_piece(path: str, text: str) -> Piece:
    """Hash one piece, exactly and with volatile literals masked."""
    exact = hash_text(path, text)
    masked_text = mask_volatile(text)
    masked = exact if masked_text == text else hash_text(path, masked_text)
    return Piece(path, exact, masked, len(text.encode("utf-8", "surrogatepass")))


def _sentences(text: str) -> Iterator[str]:
    return (match[0] for match in _PIECE.finditer(text))


def _members(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[object, object]", value).items():
            yield from _members(member, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(cast("Sequence[object]", value)):
            yield from _members(member, f"{path}[{index}]")
    else:
        yield path, canonical_json(value)


def _digest(*parts: bytes) -> bytes:
    state = hashlib.blake2b(digest_size=_HASH_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.digest()
