"""Accessors for untrusted JSON; each returns None if the value is of a different type."""

from __future__ import annotations

import json
from typing import Any, cast

JsonObject = dict[str, Any]


def as_object(value: Any) -> JsonObject | None:
    """Return the value if it is a JSON object."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def as_list(value: Any) -> list[Any] | None:
    """Return the value if it is a JSON array."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def as_text(value: Any) -> str | None:
    """Return the value if it is a string."""
    return value if isinstance(value, str) else None


def as_int(value: Any) -> int | None:
    """Return the value if it is a whole number; booleans do not count."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def objects(value: Any) -> list[JsonObject]:
    """Return the JSON objects in an array, empty for anything else."""
    return [item for item in map(as_object, as_list(value) or ()) if item is not None]


def compact_json(value: Any) -> str:
    """Write JSON without whitespace, keys in their existing order."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
