"""The volatile literals of a text, one by one: what kind each is, and a mark by which a change is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from otel_promptcache.core.prompt.masking import VOLATILE_WORD

MAX_LITERALS = 16
"""Literals of a piece of text that are told apart; what changes behind them has the kind of the piece."""

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
# A date with its time is one literal, though masking takes it for several words.
_TIME = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?[ap]\.?m\b\.?)?(?:Z\b|[+-]\d\d:?\d\d\b)?"
_DATE = (
    r"(?:\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}\u5e74\d{1,2}\u6708\d{1,2}\u65e5"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th|\.)? {_MONTH}(?:,? \d{{4}})?)"
)
_LITERAL = re.compile(
    rf"(?<!\w){_UUID}(?!\w)|(?<!\w)(?:{_DATE}(?:(?:T|,? (?:at )?){_TIME})?|{_TIME})|{VOLATILE_WORD}",
    re.IGNORECASE,
)


def volatile_kind(text: str) -> LiteralKind:
    """What kind of literal is in a text that has some; an id says more than a time, and that more than a number."""
    if _IS_UUID.search(text):
        return "uuid"
    return "timestamp" if _IS_TIMESTAMP.search(text) else "number"


def literal_marks(text: str) -> bytes:
    """A byte for each of the first literals of a text: one that changes has another, but for one time in 256."""
    return bytes([hash(match[0]) & 0xFF for match in _matches(text)])


def changed_kinds(text: str, earlier_marks: bytes) -> list[LiteralKind]:
    """The kinds of the literals that are not what they were in an earlier text, which is the same but for them.

    Args:
        text: The text.
        earlier_marks: What `literal_marks` gave for the earlier one.

    Returns:
        Each kind once, in the order of the text; nothing if the marks do not tell which literals changed.
    """
    marks = literal_marks(text)
    if len(marks) != len(earlier_marks):
        return []
    pairs = zip(_matches(text), marks, earlier_marks, strict=True)
    return list(dict.fromkeys([volatile_kind(match[0]) for match, mark, earlier in pairs if mark != earlier]))


def literals(text: str) -> Iterator[str]:
    """The first literals of a text."""
    return (match[0] for match in _matches(text))


def _matches(text: str) -> Iterator[re.Match[str]]:
    return islice(_LITERAL.finditer(text), MAX_LITERALS)
