"""Thinking that is no longer part of the prompt: older models drop it when the user speaks again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from otel_promptcache.wire.format import Json, mapping, sequence, string

_THINKING_BLOCKS = frozenset({"thinking", "redacted_thinking"})
_DROPS_THINKING = re.compile(
    r"claude-(?:3-7-sonnet|sonnet-4(?:-[05])?|opus-4(?:-[01])?|haiku-4-5)(?:$|[-@]20\d|-v\d|-latest)"
)
"""Models before Opus 4.5 and Sonnet 4.6, and Haiku up to 4.5.

Source: Anthropic, prompt caching with thinking blocks: on these models, user content other than tool results strips all
earlier thinking, so the cached messages are lost from there on (checked 2026-11-26).
"""
_IS_ON = frozenset({"enabled", "adaptive"})


def first_with_thinking(request: Json, messages: Sequence[object]) -> int:
    """The index of the first message whose thinking is part of the prompt; 0 for a model that keeps all of it."""
    if string(mapping(request.get("thinking")).get("type")) not in _IS_ON:
        return 0
    if not _DROPS_THINKING.search(string(request.get("model")) or ""):
        return 0
    return next((index for index in range(len(messages) - 1, -1, -1) if _is_spoken(messages[index])), 0)


def _is_spoken(raw_message: object) -> bool:
    """Whether the user says something in the message other than tool results."""
    message = mapping(raw_message)
    if message.get("role") != "user":
        return False
    content = message.get("content")
    return isinstance(content, str) or any(
        mapping(block).get("type") != "tool_result" for block in sequence(content)
    )


def has_thinking(message: Json) -> bool:
    """Whether a block of the message is thinking."""
    content = message.get("content")
    return not isinstance(content, str) and any(map(is_thinking, sequence(content)))


def is_thinking(block: object) -> bool:
    """Whether a block of a message is thinking."""
    return string(mapping(block).get("type")) in _THINKING_BLOCKS
