"""Durations as PromQL writes them."""

from __future__ import annotations

import re

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_FORM = re.compile(r"(?:\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")


def duration(seconds: int) -> str:
    """Write seconds as PromQL does, such as `22h30m`.

    Raises:
        ValueError: It is less than a second.
    """
    if seconds < 1:
        raise ValueError(f"a duration of {seconds} seconds: must be at least 1")
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def half_duration(seconds: int) -> str:
    """Write half of a number of seconds, such as `30s` or `500ms`."""
    return duration(seconds // 2) if seconds % 2 == 0 else f"{seconds * 500}ms"


def parse_duration(text: str) -> int:
    """Read a duration such as `1h` or `1d12h` as seconds.

    Raises:
        ValueError: It is not a duration.
    """
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 5m, 1h or 1d12h")
    sizes = {"w": 7 * 86_400, **dict(_UNITS)}
    return sum(int(count) * sizes[unit] for count, unit in _PART.findall(text))
