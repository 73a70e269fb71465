"""Masks what changes from request to request in a text: dates, times, UUIDs, numbers, long ids."""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "#"
"""What replaces a volatile literal."""

# Every pattern is linear in the length of the text: a word is tried only at its first character.
_WORD = r"[A-Za-z0-9_@%+-]"
_LONG_WORD_CHARS = 32
VOLATILE_WORD = (
    rf"(?<!{_WORD})(?=[A-Za-z_@%+-]*[0-9]){_WORD}+"  # with a digit: numbers, UUIDs, hashes, ids
    rf"|(?<!{_WORD}){_WORD}{{{_LONG_WORD_CHARS},}}"  # a random id may have no digit at all
    r"|\d+"
)
"""Matches what is masked, except the names of months and days."""
_VOLATILE_WORD = re.compile(VOLATILE_WORD)
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
# The names of months and days are volatile only as a part of a date, so they are masked only next to a mask.
_CALENDAR_WORD = (
    r"\b(?:(?:jan|febr?|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ch|il|ust|ember|ober)?"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[ap]m|utc|gmt)\b"
)
_VOLATILE_RUN = re.compile(
    rf"(?:{_CALENDAR_WORD}[\s,.]{{0,3}}){{0,3}}{MASK}"
    rf"(?:[\s,.:;/|#()\[\]'\"-]*(?:{MASK}|{_CALENDAR_WORD}))*",
    re.IGNORECASE,
)
_MAX_BEFORE_CHARS = 3 * (len("wednesday") + 3)
"""Characters that a run may have before its first mark."""
_PLAIN_WORD = re.compile(rf"(?<!{_WORD})(?!{_CALENDAR_WORD})[A-Za-z]+(?=[^A-Za-z0-9_@%+-])", re.IGNORECASE)

# The patterns take 0.1 µs per character. So if literals are rare, they are first located by the kinds of the
# characters, one byte each: 0 for digits, # for marks, a for other characters of words, a blank for all others.
_MIN_CHARS_PER_DIGIT = 8
_DIGIT, _OTHER, _LONG_WORD = b"0", b" ", b"a" * _LONG_WORD_CHARS
_KIND_OF_BYTE = bytes(
    ord("0" if char.isdecimal() else MASK if char == MASK else "a" if re.match(_WORD, char) else " ")
    for char in map(chr, range(256))
)


def mask_volatile(text: str) -> str:
    """Replace each run of volatile literals by one mark."""
    kinds = _kinds(text)
    if _is_plain(text, kinds):
        return text
    is_dense = kinds.count(_DIGIT) * _MIN_CHARS_PER_DIGIT > len(kinds)
    if is_dense or _has_foreign_digit(text):
        return _VOLATILE_RUN.sub(MASK, _VOLATILE_WORD.sub(MASK, text))
    return _mask_runs(_mask_words(text, kinds))


def is_plain(text: str) -> bool:
    """Whether there is nothing to mask; most sentences are plain words."""
    return _is_plain(text, _kinds(text))


def masked_head(text: str, chars: int) -> str:
    """`mask_volatile(text)[:chars]`, usually without masking all of the text."""
    cut_off_at = chars * 3 // 2
    head = mask_volatile(text[:cut_off_at])
    # No literal reaches across a plain word: what is before one does not depend on what was cut off.
    if len(text) > cut_off_at and not _PLAIN_WORD.search(head, chars):
        head = mask_volatile(text)
    return head[:chars]


def _kinds(text: str) -> bytes:
    return text.encode("latin-1", "replace").translate(_KIND_OF_BYTE)


def _is_plain(text: str, kinds: bytes) -> bool:
    if _DIGIT in kinds or MASK in text or _LONG_WORD in kinds:
        return False
    return not _has_foreign_digit(text)


def _has_foreign_digit(text: str) -> bool:
    return not text.isascii() and _FOREIGN_DIGIT.search(text) is not None


def _mask_words(text: str, kinds: bytes) -> str:
    """Mask as `_VOLATILE_WORD` does, if all digits are ASCII."""
    return _substitute(_VOLATILE_WORD, text, _next_word(kinds))


def next_volatile_word(text: str) -> Callable[[int], int]:
    """Return a function that finds the next volatile word in an ASCII text from a place on; -1 if there is none.

    If the word begins before the place, the place itself is returned. The places must ascend.
    """
    return _next_word(_kinds(text))


def _next_word(kinds: bytes) -> Callable[[int], int]:
    words = kinds.replace(MASK.encode(), _OTHER)
    digit_at = -1

    def next_word(end: int) -> int:
        nonlocal digit_at
        if digit_at < end:  # searched once between two digits, as there may be many long words
            digit_at = words.find(_DIGIT, end)
            digit_at = len(words) if digit_at < 0 else digit_at
        long_word_at = words.find(_LONG_WORD, end, digit_at)
        at = digit_at if long_word_at < 0 else long_word_at
        return -1 if at == len(words) else words.rfind(_OTHER, end, at) + 1 or end

    return next_word


def _mask_runs(text: str) -> str:
    """Mask as `_VOLATILE_RUN` does."""

    def next_run(end: int) -> int:
        at = text.find(MASK, end)
        return at if at < 0 else max(end, at - _MAX_BEFORE_CHARS)

    return _substitute(_VOLATILE_RUN, text, next_run)


def _substitute(pattern: re.Pattern[str], text: str, next_place: Callable[[int], int]) -> str:
    """`pattern.sub(MASK, text)`, searching only from where `next_place` says; it says -1 if there is no match."""
    masked: list[str] = []
    end = 0
    while (place := next_place(end)) >= 0 and (match := pattern.search(text, place)):
        masked += text[end : match.start()], MASK
        end = match.end()
    masked.append(text[end:])
    return "".join(masked)
