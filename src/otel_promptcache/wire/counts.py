"""How usage counts are read in all APIs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from otel_promptcache.core.money.usage import InvalidUsageError
from otel_promptcache.wire.format import Json


def whole_count(value: Any) -> Any:
    """A whole float as the integer that is meant; anything else unchanged, for `TokenUsage` to judge."""
    return int(value) if type(value) is float and value.is_integer() else value


def whole_counts(usage: Json, names: Iterable[str]) -> list[Any]:
    """The same for members of a usage object; None for one that is absent."""
    values = map(usage.get, names)
    return [whole_count(value) if type(value) is float else value for value in values]


def usage_object(value: object, name: str) -> Json:
    """The value itself if it is a JSON object, an empty one if it is null.

    Raises:
        InvalidUsageError: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidUsageError(f"{name} is a {type(value).__name__}: expected an object, or null")
    return cast("Json", value)
