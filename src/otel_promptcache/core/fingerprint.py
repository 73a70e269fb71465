"""Which prompt template is this, and is its leading part exactly what it was before?"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from otel_promptcache.core.forking import restart_in_forked_child
from otel_promptcache.core.prompt import Segment, SegmentKind

LEADING_CHARS = 4_096
"""How much of the tools and of the instructions is looked at, each: the cost per call has a bound."""

IDENTITY_CHARS = 1_024
"""How much of the masked instructions makes the fingerprint.

A quarter of what is looked at, so that literals of different lengths cannot move text across the edge.
"""

_KNOWN_DIGESTS = 4_096

MASK = "#"
"""What stands for a volatile literal."""

# Every pattern is linear in the length of the text: a word is tried at its first character only.
_WORD = r"[A-Za-z0-9_@%+-]"
_LONG_WORD_CHARS = 32
_VOLATILE_WORD = re.compile(
    rf"(?<!{_WORD})(?=[A-Za-z_@%+-]*[0-9]){_WORD}+"  # with a digit: numbers, UUIDs, hashes, ids
    rf"|(?<!{_WORD}){_WORD}{{{_LONG_WORD_CHARS},}}"  # a random id may have no digit at all
    r"|\d+"
)
_ANY_DIGIT = re.compile(r"\d")
# To tell the kinds of characters: digits and the mask become 0, those of words a, all others blanks.
_KIND_OF_BYTE = bytes(
    ord("0" if re.match(rf"[0-9{MASK}]", chr(byte)) else "a" if re.match(_WORD, chr(byte)) else " ")
    for byte in range(256)
)
_LONG_WORD = b"a" * _LONG_WORD_CHARS
# The names of months and days are volatile as a part of a date only, so they are masked next to a mask only.
_CALENDAR_WORD = (
    r"\b(?:(?:jan|febr?|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ch|il|ust|ember|ober)?"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[ap]m|utc|gmt)\b"
)
_VOLATILE_RUN = re.compile(
    rf"(?:{_CALENDAR_WORD}[\s,.]{{0,3}}){{0,3}}{MASK}"
    rf"(?:[\s,.:;/|#()\[\]'\"-]*(?:{MASK}|{_CALENDAR_WORD}))*",
    re.IGNORECASE,
)
_PLAIN_WORD = re.compile(rf"(?<!{_WORD})(?!{_CALENDAR_WORD})[A-Za-z]+(?=[^A-Za-z0-9_@%+-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PrefixIdentity:
    """Names a prompt template without telling anything that is in it."""

    fingerprint: str
    """16 hexadecimal digits: the template, with per-request values masked."""
    digest: str
    """32 hexadecimal digits: the exact leading part. Several under one fingerprint: it is not stable."""
    is_new_variant: bool
    """The digest was not seen before, as far as the fingerprinter remembers."""


class Fingerprinter:
    """Identifies prompt templates; remembers digests only, never text.

    The identity is the same in every process, on every host and Python version. It does not change with
    per-request literals, with text that follows the leading part, with the order of the tools, or as the
    conversation grows. With a `key`, fingerprint and digest are keyed hashes (BLAKE2b as a MAC), which
    nobody can confirm a guess against without the key.
    """

    def __init__(self, key: str | None = None) -> None:
        self._key = hashlib.blake2b(key.encode(), digest_size=32).digest() if key else b""
        self._fingerprint_by_digest: OrderedDict[str, str] = OrderedDict()
        self._known: dict[object, PrefixIdentity] = {}
        self._lock = threading.Lock()
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget who holds the lock; the digests that are known stay."""
        self._lock = threading.Lock()

    def recall(self, key: Hashable) -> PrefixIdentity | None:
        """The identity that `identify` found under this key before; None where it is not remembered."""
        return self._known.get(key)

    def identify(self, segments: Iterable[Segment], key: Hashable = None) -> PrefixIdentity:
        """Identify a prompt by its tools and instructions; where it has neither, by its first item.

        Reads no further than the first segment behind them, so a lazy iterable is not exhausted.

        Args:
            segments: The prompt.
            key: What stands for exactly this leading part, to be asked for with `recall`; None for nothing.
        """
        identity = self._identify(segments)
        if key is not None:
            # Without a lock, which would have to be taken for each call: at worst something is found twice.
            if len(self._known) >= _KNOWN_DIGESTS:
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
        names = sorted(mask_volatile(label) for label in labels)
        fingerprint = self._hash(b"fingerprint", 8, *names, "", _masked_head(instructions))
        with self._lock:
            is_new_variant = digest not in self._fingerprint_by_digest  # another thread may have been faster
            self._fingerprint_by_digest[digest] = fingerprint
            if len(self._fingerprint_by_digest) > _KNOWN_DIGESTS:
                self._fingerprint_by_digest.popitem(last=False)
        return PrefixIdentity(fingerprint, digest, is_new_variant)

    def _hash(self, purpose: bytes, size_bytes: int, *parts: str) -> str:
        state = hashlib.blake2b(key=self._key, digest_size=size_bytes, person=purpose)
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            state.update(len(encoded).to_bytes(8, "big") + encoded)
        return state.hexdigest()


def mask_volatile(text: str) -> str:
    """Replace what changes from request to request (dates, times, UUIDs, numbers, long ids) by one mark."""
    if _is_plain(text):
        return text
    return _VOLATILE_RUN.sub(MASK, _VOLATILE_WORD.sub(MASK, text))


def _is_plain(text: str) -> bool:
    """Whether there is nothing to mask; most sentences are plain words.

    To look at the kinds of characters takes 0.4 µs for a sentence, to search with the patterns 10.
    """
    kinds = text.encode("utf-8", "surrogatepass").translate(_KIND_OF_BYTE)
    if b"0" in kinds or _LONG_WORD in kinds:
        return False
    return text.isascii() or not _ANY_DIGIT.search(text)


def _masked_head(text: str) -> str:
    """`mask_volatile(text)[:IDENTITY_CHARS]`, as a rule without masking all of the text."""
    head = mask_volatile(text[: IDENTITY_CHARS * 3 // 2])
    # No literal reaches across a plain word: what stands before one does not depend on what was cut off.
    if not _PLAIN_WORD.search(head, IDENTITY_CHARS):
        head = mask_volatile(text)
    return head[:IDENTITY_CHARS]


def _leading_part(segments: Iterable[Segment]) -> tuple[list[str], str, str]:
    """The names of all tools, the leading text of the tools, the leading text of the instructions."""
    labels: list[str] = []
    tools: list[str] = []
    instructions: list[str] = []
    for segment in segments:
        if segment.kind is SegmentKind.TOOL:
            labels.append(segment.label)
            _append_leading(segment, tools)
        elif segment.kind is SegmentKind.INSTRUCTIONS:
            _append_leading(segment, instructions)
        elif segment.kind is SegmentKind.ITEM:
            if not labels and not instructions:
                _append_leading(segment, instructions)
            break
    return labels, "\n".join(tools), "\n".join(instructions)


def _append_leading(segment: Segment, texts: list[str]) -> None:
    room_chars = LEADING_CHARS - sum(map(len, texts))
    if room_chars > 0:
        texts.append(segment.text()[:room_chars])
