"""The one place that makes values safe to export: valid UTF-8, bounded, and within 64 bits.

An encoder that meets a value it cannot encode drops the whole batch, including what the application itself exports.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import cast

from opentelemetry.util.types import AttributeValue

MAX_STRING_CHARS = 1_024
"""Characters of a string on a span. The rest is cut off."""
MAX_LABEL_CHARS = 128
"""Characters of a value of a metric attribute. The rest is cut off."""
MAX_LIST_ENTRIES = 128
"""Entries of a list on a span. The rest is left out."""
MAX_INTEGER = 2**63 - 1
"""Units, the most that OTLP can carry in an integer. Larger sums are capped at it."""

Attributes = dict[str, AttributeValue]


def text(value: str, max_chars: int = MAX_STRING_CHARS) -> str:
    """Return a string that UTF-8 can carry: cut to a length, with `?` for each lone surrogate."""
    if len(value) > max_chars:
        value = value[:max_chars]
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def exportable(attributes: Attributes) -> Attributes:
    """Make the values safe, in place. A value that has no safe form is left out."""
    unsafe = [  # without a function call for each: there are about thirty per request
        (name, value)
        for name, value in attributes.items()
        if not (
            (type(value) is str and len(value) <= MAX_STRING_CHARS and value.isascii())
            or (type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER)
            or (type(value) is float and math.isfinite(value))
            or type(value) is bool
        )
    ]
    for name, value in unsafe:
        safe = _made_safe(value)
        if safe is None:
            del attributes[name]
        else:
            attributes[name] = safe
    return attributes


def exportable_sum(amount: float) -> float:
    """Return a sum that OTLP can carry, whatever was added up."""
    return min(amount, MAX_INTEGER if type(amount) is int else sys.float_info.max)


def _made_safe(value: object) -> AttributeValue | None:
    if isinstance(value, str):
        return text(str.__str__(value))
    if isinstance(value, (list, tuple)):
        entries = cast("Sequence[object]", value)[:MAX_LIST_ENTRIES]
        integers = [entry for entry in entries if type(entry) is int and -MAX_INTEGER <= entry <= MAX_INTEGER]
        if integers and len(integers) == len(entries):  # the entries of a list have one type
            return tuple(integers)
        return tuple(text(str.__str__(entry)) for entry in entries if isinstance(entry, str))
    return None
