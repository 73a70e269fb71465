"""Where in a prompt two requests part, from the path in the request's body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum


class Place(Enum):
    """A part of a prompt, as a person would call it."""

    TOOLS = "the tools"
    FORMAT = "the output format"
    INSTRUCTIONS = "the instructions"
    OPENING = "the first message"
    CONVERSATION = "the earlier messages"
    PROMPT = "the prompt"
    """It is not known where."""


LEADING = frozenset({Place.INSTRUCTIONS, Place.OPENING})
"""What opens a prompt, and is meant to be the same in all requests of a template."""

_PLACES = (
    (re.compile(r"(?:tools|functions)\b"), Place.TOOLS),
    (re.compile(r"(?:text\.format|response_format)\b"), Place.FORMAT),
    (re.compile(r"instructions\b"), Place.INSTRUCTIONS),
    (re.compile(r"(?:messages|input|prompt)(?:\[0\]|$)"), Place.OPENING),
    (re.compile(r"(?:messages|input|prompt)\["), Place.CONVERSATION),
)

_KINDS: Mapping[str, str] = {
    "timestamp": "a date or time",
    "uuid": "a random id",
    "number": "a number",
    "reordered": "the same pieces in another order",
    "added": "something that was put in",
    "removed": "something that was taken out",
    "truncated": "a head that was cut off",
    "edited": "other text",
}
"""What a kind of difference is called in a sentence."""


def place_of(path: str | None) -> Place:
    """The part of the prompt that a path leads to; `PROMPT` for none, and for one that is not known."""
    if path is not None:
        for pattern, place in _PLACES:
            if pattern.match(path):
                return place
    return Place.PROMPT


def describe_kind(kind: str | None) -> str | None:
    """What a kind of difference is called in a sentence; None for none, and for one that is not known."""
    return _KINDS.get(kind) if kind is not None else None
