"""Identifies a prompt's template, and tells whether its leading part is exactly what it was before."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from otel_promptcache.core.memory.forking import restart_in_forked_child
from otel_promptcache.core.prompt.masking import mask_volatile, masked_head
from otel_promptcache.core.prompt.segments import Segment, SegmentKind

LEADING_CHARS = 4_096
"""Characters that are read of the tools, and as many of the instructions: this bounds the cost per call."""

IDENTITY_CHARS = 1_024
"""How much of the masked instructions goes into the fingerprint.

A quarter of what is read, so that literals of different lengths cannot move text across the limit.
"""

MAX_LEADING_SEGMENTS = 8_192
"""Segments that are read; tools and messages after them do not distinguish templates."""

MAX_KNOWN_DIGESTS = 4_096
"""Templates that are remembered, each with its exact leading part: the most recently used ones."""


class LeadingPart(NamedTuple):
    """The tools and the instructions of a prompt, for a report on several processes."""

    whole: str
    """A hash of all of it."""
    parts: str
    """A hash of its words, regardless of their order."""
    size_chars: int


@dataclass(frozen=True, slots=True)
class PrefixIdentity:
    """Identifies a prompt template without revealing anything in it."""

    fingerprint: str
    """16 hexadecimal digits: the template, with per-request values masked."""
    digest: str
    """32 hexadecimal digits: the exact leading part. If one fingerprint has several, it is not stable."""
    is_new_variant: bool
    """The digest was not seen before, as far as the fingerprinter remembers."""
    leading: LeadingPart | None = None
    """More about the leading part; None unless requested."""


class Fingerprinter:
    """Identifies prompt templates; remembers digests only, never text.

    The identity is the same in every process, on every host and Python version. It does not change with
    per-request literals, with text that follows the leading part, with the order of the tools, or as the
    conversation grows. With a `key`, fingerprint and digest are keyed hashes (BLAKE2b as a MAC), against
    which nobody can confirm a guess without the key.
    """

    def __init__(self, key: str | None = None) -> None:
        # A key from the environment may have bytes that are not UTF-8, which Python passes on as lone surrogates.
        secret = key.encode("utf-8", "surrogatepass") if key else b""
        self._key = hashlib.blake2b(secret, digest_size=32).digest() if secret else b""
        self._fingerprint_by_digest: OrderedDict[str, str] = OrderedDict()
        self._known: dict[object, PrefixIdentity] = {}
        self._lock = threading.Lock()
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Replace the lock, which may be held; the known digests stay."""
        self._lock = threading.Lock()

    def recall(self, key: Hashable) -> PrefixIdentity | None:
        """The identity that `identify` found under this key before; None if it is not remembered."""
        return self._known.get(key)

    def identify(self, segments: Iterable[Segment], key: Hashable = None) -> PrefixIdentity:
        """Identify a prompt by its tools and instructions; if it has neither, by its first item.

        Reads no further than the first segment after them, so a lazy iterable is not exhausted.

        Args:
            segments: The prompt.
            key: Identifies exactly this leading part in `recall`; None to remember nothing.
        """
        identity = self._identify(segments)
        if key is not None:
            # Without a lock, which every call would have to take: at worst an identity is computed twice.
            if len(self._known) >= MAX_KNOWN_DIGESTS:
                self._known.clear()
            self._known[key] = replace(identity, is_new_variant=False)
        return identity

    def _identify(self, segments: Iterable[Segment]) -> PrefixIdentity:
        labels, tools, instructions = _leading_part(segments)
        digest = self._hash(b"digest", 16, *labels, "", tools, instructions)
        with self._lock:
            fingerprint = self._fingerprint_by_digest.get(digest)
            if fingerprint is not None:
                self._fingerprint_by_digest.move_to_end(digest)
                return PrefixIdentity(fingerprint, digest, is_new_variant=False)
        # The order of tools is left out of the template's identity: an application that shuffles them
        # shows up as one template whose digest drifts, which is what breaks its cache.
        names = sorted(mask_volatile(label[:LEADING_CHARS]) for label in labels)
        fingerprint = self._hash(b"fingerprint", 8, *names, "", masked_head(instructions, IDENTITY_CHARS))
        with self._lock:
            is_new_variant = digest not in self._fingerprint_by_digest  # another thread may have been faster
            self._fingerprint_by_digest[digest] = fingerprint
            if len(self._fingerprint_by_digest) > MAX_KNOWN_DIGESTS:
                self._fingerprint_by_digest.popitem(last=False)
        return PrefixIdentity(fingerprint, digest, is_new_variant)

    def _hash(self, purpose: bytes, size_bytes: int, *parts: str) -> str:
        state = hashlib.blake2b(key=self._key, digest_size=size_bytes, person=purpose)
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            state.update(len(encoded).to_bytes(8, "big") + encoded)
        return state.hexdigest()


def _leading_part(segments: Iterable[Segment]) -> tuple[list[str], str, str]:
    """The names of the tools, the leading text of the tools, the leading text of the instructions."""
    labels: list[str] = []
    tools, instructions = _Head(), _Head()
    for segment in islice(segments, MAX_LEADING_SEGMENTS):
        if segment.kind is SegmentKind.TOOL:
            labels.append(segment.label)
            tools.add(segment)
        elif segment.kind is SegmentKind.INSTRUCTIONS:
            instructions.add(segment)
        elif segment.kind is SegmentKind.ITEM:
            if not labels and not instructions.texts:
                instructions.add(segment)
            break
    return labels, "\n".join(tools.texts), "\n".join(instructions.texts)


@dataclass(slots=True)
class _Head:
    """The beginning of some segments."""

    texts: list[str] = field(default_factory=list[str])
    room_chars: int = LEADING_CHARS

    def add(self, segment: Segment) -> None:
        if self.room_chars > 0:
            self.texts.append(segment.head(self.room_chars))
            self.room_chars -= len(self.texts[-1])
