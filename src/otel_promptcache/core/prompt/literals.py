"""The volatile literals of a text, one by one: the kind of each, and a mark that shows whether it changed."""

from __future__ import annotations

import re
from array import array
from itertools import islice
from typing import Literal

from otel_promptcache.core.prompt.masking import VOLATILE_WORD, next_volatile_word

MAX_LITERALS = 16
"""Literals of a piece of text that are distinguished; a change after them has the kind of the piece."""
MARK_FORMAT, MARK_BYTES = "I", 4
"""Format and length of a mark: a changed literal has the same one in 1 of 4 billion cases."""

_MARK_MASK = (1 << 8 * MARK_BYTES) - 1

LiteralKind = Literal["timestamp", "uuid", "number"]

_UUID = r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}"
_MONTH = (
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_IS_UUID = re.compile(_UUID)
_IS_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?:\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b20\d{6}T\d{4}|\d\u5e74"
    rf"|\b1[5-9]\d{{8}}(?:\d{{3}}){{0,3}}\b|{_MONTH}\.? \d|\d(?:st|nd|rd|th|\.)? {_MONTH}",
    re.IGNORECASE,
)
# A date with its time is one literal, although masking treats it as several words.
_TIME = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?[ap]\.?m\b\.?)?(?:Z\b|[+-]\d\d:?\d\d\b)?"
_DATE = (
    r"(?:\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}\u5e74\d{1,2}\u6708\d{1,2}\u65e5"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th|\.)? {_MONTH}(?:,? \d{{4}})?)"
)
_LITERAL = re.compile(
    rf"(?<!\w){_UUID}(?!\w)|(?<!\w)(?:{_DATE}(?:(?:T|,? (?:at )?){_TIME})?|{_TIME})|{VOLATILE_WORD}",
    re.IGNORECASE,
)
_MAX_BEFORE_CHARS = len("september. ")
"""Characters that a literal may have before its first word that is volatile on its own."""


def volatile_kind(text: str) -> LiteralKind:
    """The kind of literal in a text that has some; an id takes precedence over a time, and a time over a number."""
    if _IS_UUID.search(text):
        return "uuid"
    return "timestamp" if _IS_TIMESTAMP.search(text) else "number"


def literal_marks(text: str) -> bytes:
    """The marks of the first literals of a text, joined."""
    return array(MARK_FORMAT, [hash(match[0]) & _MARK_MASK for match in _matches(text)]).tobytes()


def changed_kinds(text: str, marks: bytes, earlier_marks: bytes) -> list[LiteralKind]:
    """The kinds of the literals that differ from those of an earlier text, which is otherwise the same.

    Args:
        text: The text.
        marks: What `literal_marks` gives for it.
        earlier_marks: What it gave for the earlier one.

    Returns:
        Each kind once, in the order of the text; nothing if the marks do not show which literals changed.
    """
    if len(marks) != len(earlier_marks):
        return []
    now, before = memoryview(marks).cast(MARK_FORMAT), memoryview(earlier_marks).cast(MARK_FORMAT)
    each = zip(_matches(text), now, before, strict=True)
    return list(dict.fromkeys([volatile_kind(match[0]) for match, mark, earlier in each if mark != earlier]))


def literals(text: str) -> list[str]:
    """The first literals of a text."""
    return [match[0] for match in _matches(text)]


def _matches(text: str) -> list[re.Match[str]]:
    """The first matches of `_LITERAL`, at 0.2 µs per character: it is only tried where a match may begin."""
    if not text.isascii():
        return list(islice(_LITERAL.finditer(text), MAX_LITERALS))
    matches: list[re.Match[str]] = []
    next_word, end = next_volatile_word(text), 0
    while len(matches) < MAX_LITERALS and (word_at := next_word(end)) >= 0:
        match = _LITERAL.search(text, max(end, word_at - _MAX_BEFORE_CHARS))
        if match is None:
            break
        matches.append(match)
        end = match.end()
    return matches
