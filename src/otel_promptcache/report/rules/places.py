"""Where in a prompt two requests diverge, from the path in the request's body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum


class Place(Enum):
    """A part of a prompt, as a person would call it."""

    TOOLS = "the tools"
    TOOL_SCHEMA = "a tool's schema"
    TOOL_DEFINITION = "a tool's definition"
    FORMAT = "the output format"
    INSTRUCTIONS = "the instructions"
    OPENING = "the first message"
    ARGUMENTS = "the arguments of an earlier tool call"
    TOOL_RESULT = "an earlier tool result"
    CONVERSATION = "the earlier messages"
    PROMPT = "the prompt"
    """It is not known where."""


LEADING = frozenset({Place.INSTRUCTIONS, Place.OPENING})
"""What opens a prompt, and is meant to be the same in all requests of a template."""
HISTORY = frozenset({Place.ARGUMENTS, Place.TOOL_RESULT, Place.CONVERSATION})
"""What was said before."""
INSIDE_TOOLS = frozenset({Place.TOOL_SCHEMA, Place.TOOL_DEFINITION})

_PLACES = (
    (
        re.compile(r"(?:tools|functions)\[\d+\]\.(?:function\.)?(?:parameters|input_schema|schema)\b"),
        Place.TOOL_SCHEMA,
    ),
    (re.compile(r"(?:tools|functions)\[\d+\]\."), Place.TOOL_DEFINITION),
    (re.compile(r"(?:tools|functions)\b"), Place.TOOLS),
    (re.compile(r"(?:text\.format|response_format)\b"), Place.FORMAT),
    (re.compile(r"(?:instructions|system)\b"), Place.INSTRUCTIONS),
    (re.compile(r"(?:messages|input)\[\d+\].*\.(?:arguments|input)\b"), Place.ARGUMENTS),
    (re.compile(r"input\[\d+\]\.(?:output|results)\b"), Place.TOOL_RESULT),
    # Only tool results have content of their own, and these other fields.
    (re.compile(r"messages\[\d+\]\.content\[\d+\]\.(?:content|tool_use_id|is_error)\b"), Place.TOOL_RESULT),
    (re.compile(r"(?:messages\[0\]|(?:input|prompt)(?:\[0\]|$))"), Place.OPENING),
    # Anthropic's API itself only says that it is the messages.
    (re.compile(r"messages$|(?:messages|input|prompt)\["), Place.CONVERSATION),
)

_KINDS: Mapping[str, str] = {
    "timestamp": "a date or time",
    "uuid": "a random id",
    "number": "a number",
    "reordered": "the same parts in a different order",
    "added": "something was inserted",
    "removed": "something was removed",
    "truncated": "the start was cut off",
    "edited": "different text",
}
"""What a kind of difference is called in a sentence."""


def place_of(path: str | None) -> Place:
    """The part of the prompt that a path leads to; `PROMPT` for no path or an unknown one."""
    if path is not None:
        for pattern, place in _PLACES:
            if pattern.match(path):
                return place
    return Place.PROMPT


def describe_kind(kind: str | None) -> str | None:
    """What a kind of difference is called in a sentence; None for no kind or an unknown one."""
    return _KINDS.get(kind) if kind is not None else None
