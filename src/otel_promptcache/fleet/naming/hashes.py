"""Hashes that leave the process: 64 bits, keyed, the same in every process that has the key."""

from __future__ import annotations

import hashlib
import marshal
from typing import Any

from otel_promptcache.core.comparison.comparison import SegmentSource
from otel_promptcache.core.prompt.chain import ContentHash, HashedPrompt, Link
from otel_promptcache.core.prompt.literals import MARK_BYTES
from otel_promptcache.core.prompt.pieces import PlaceHash
from otel_promptcache.core.prompt.segments import Segment
from otel_promptcache.core.prompt.serial import serial
from otel_promptcache.fleet.store import HASH_BYTES

MAX_MEMOS = 16_384
"""Prefixes and contents whose names in the fleet are remembered; if there are more, all are forgotten."""
_ROUTING_CHARS = 1_024
_SHORT_BYTES = 5
"""Length of hashes that need to be distinct only within one template."""


class FleetHashes:
    """Names prefixes, contents and pieces for the fleet; remembers them by this process's own hashes, never by text.

    Args:
        namespace: Whose processes share a store: others have different names for the same text.
        key: The secret of the fleet; without one, anyone who reads the store can confirm a guess.
    """

    def __init__(self, namespace: str, key: str | None = None) -> None:
        secret = f"{namespace}\0{key or ''}".encode("utf-8", "surrogatepass")
        self._key = hashlib.blake2b(secret, digest_size=32).digest()
        self._prefixes: dict[int, bytes] = {}
        self._contents: dict[ContentHash, bytes] = {}
        self._labels: dict[ContentHash, bytes] = {}
        self._routings: dict[int, bytes] = {}

    def hash(self, data: bytes, person: bytes = b"", size_bytes: int = HASH_BYTES) -> bytes:
        """Hash some bytes for a purpose."""
        return hashlib.blake2b(data, digest_size=size_bytes, key=self._key, person=person).digest()

    def hash_value(self, value: Any) -> int:
        """Hash what is known of an account or a setting, made of texts, bytes and tuples; never negative."""
        # Version 2 of the format does not depend on which objects are shared.
        return int.from_bytes(self.hash(marshal.dumps(value, 2), b"value"), "big")

    def learn(self, prompt: HashedPrompt, segments: SegmentSource, account: int) -> None:
        """Name what is new in a prompt; known text takes two lookups.

        Args:
            prompt: The prompt; with at least one link.
            segments: What it was hashed from; those that are new are read.
            account: The account that it is sent on.
        """
        if (prompt.links[-1].prefix ^ account) not in self._prefixes:
            self._learn_chain(prompt, segments, account)
        if (prompt.routing ^ account) not in self._routings:
            self._routings[prompt.routing ^ account] = self._routing(prompt, segments, account)

    def chain(self, prompt: HashedPrompt, account: int) -> list[bytes] | None:
        """The names of the prefixes of a prompt that was learnt; None if they are forgotten."""
        known = self._prefixes
        try:
            return [known[link.prefix ^ account] for link in prompt.links]
        except KeyError:
            return None

    def routing(self, prompt: HashedPrompt, account: int) -> bytes | None:
        """The name of the first 1,024 characters of a prompt that was learnt; None if it is forgotten."""
        return self._routings.get(prompt.routing ^ account)

    def forget(self) -> None:
        """Forget the names, which are computed again when needed."""
        for memo in (self._prefixes, self._contents, self._labels, self._routings):
            memo.clear()

    def _learn_chain(self, prompt: HashedPrompt, segments: SegmentSource, account: int) -> None:
        links, known = prompt.links, self._prefixes
        start = len(links)
        while start and (links[start - 1].prefix ^ account) not in known:
            start -= 1
        if len(known) + len(self._contents) > MAX_MEMOS:
            self.forget()
            start = 0
        if start:
            prefix = known[links[start - 1].prefix ^ account]
        else:
            prefix = self.hash(account.to_bytes(HASH_BYTES, "big"), b"account")
        for index in range(start, len(links)):
            link = links[index]
            content = self._contents.get(link.content) or self._content(link, segments[index])
            begins = b"\1" if index == 0 or links[index - 1].ends_message else b"\0"
            prefix = known[link.prefix ^ account] = self.hash(prefix + content + begins, b"prefix")

    def _routing(self, prompt: HashedPrompt, segments: SegmentSource, account: int) -> bytes:
        chars, name = 0, b""
        for index in range(len(prompt.links)):
            head = segments[index].head(_ROUTING_CHARS - chars)
            chars += len(head)
            before = self._prefixes[prompt.links[index - 1].prefix ^ account] if index else b""
            name = self.hash(before + head.encode("utf-8", "surrogatepass"), b"routing")
            if chars >= _ROUTING_CHARS:
                break
        return name

    def content(self, content: ContentHash) -> bytes | None:
        """The name of a content that was part of a chain; None if it is forgotten."""
        return self._contents.get(content)

    def label(self, label: ContentHash) -> bytes:
        """The name of a label that was part of a chain; empty if there is none, or if it is forgotten."""
        return self._labels.get(label, b"")

    def piece(self, place: PlaceHash, text: str) -> bytes:
        """The name of a piece of text at a place in a segment."""
        data = place.to_bytes(4, "big") + text.encode("utf-8", "surrogatepass")
        return self.hash(data, b"piece", _SHORT_BYTES)

    def mark(self, literal: str) -> bytes:
        """The mark that distinguishes a literal from a different one in its place."""
        return self.hash(literal.encode("utf-8", "surrogatepass"), b"mark", MARK_BYTES)

    def _content(self, link: Link, segment: Segment) -> bytes:
        value = segment.value
        data = value if isinstance(value, str) else serial(value)
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        kind = f"{link.kind.value} {link.role.value} {type(value) is str:d} ".encode()
        name = self._contents[link.content] = self.hash(kind + data, b"content")
        if segment.label:
            label = segment.label.encode("utf-8", "surrogatepass")
            self._labels[link.label] = self.hash(label, b"label", _SHORT_BYTES)
        return name
