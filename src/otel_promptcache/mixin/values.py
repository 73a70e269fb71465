"""Checks single settings: numbers, durations and texts, by the name and the metadata of the field."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import Field
from enum import Enum
from typing import Any

LONGEST_SECONDS = 10 * 365 * 86_400
"""Prometheus keeps nothing this long, and its durations do not go much further."""


class SettingError(ValueError):
    """A setting cannot have this value."""

    def __init__(self, name: str, value: Any, problem: str) -> None:
        super().__init__(f"MixinConfig.{name}={value!r}: {problem}")
        self.name = name
        self.values: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
        self.problem = problem


def check_value(one: Field[Any], value: object) -> None:
    """Raise a ValueError unless the value, which may be one of several, is valid for the field."""
    if isinstance(value, Enum):
        return
    if isinstance(value, str):
        check: Callable[[str], None] | None = one.metadata["check"]
        if check is not None and (value or not one.metadata["optional"]):
            check(value)
        return
    if isinstance(value, (int, float)):
        if not math.isfinite(value) or value <= 0:
            raise ValueError("must be a number greater than 0")
        if one.name.endswith(("_share", "_ratio")) and value > 1:
            raise ValueError("must be from 0 to 1")
        if one.name.endswith("_seconds") and value > LONGEST_SECONDS:
            raise ValueError("must be at most ten years")
