"""Prices as people write them down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from otel_promptcache.core.money.pricing import (
    DEFAULT_TIER,
    STANDARD_TIERS,
    InvalidPriceError,
    LongContext,
    ModelPrice,
)
from otel_promptcache.core.quoting import named, quoted

_LONG_LIFETIMES = ("1h", "12h")
"""Lifetimes that are priced separately."""
_FIELDS = (
    "input", "cache_read", "cache_write", *[f"cache_write_{each}" for each in _LONG_LIFETIMES], "long_context"
)  # fmt: skip


def parse_prices(models: object, where: str = "prices") -> dict[str, dict[str, ModelPrice]]:
    """Read prices as people write them down: fields by model, in USD per million tokens.

    A model has the field `input`, and, if they apply, `cache_read`, `cache_write`, and `cache_write_1h` and
    `cache_write_12h` for writes with these lifetimes; `long_context`, the same fields for requests with more
    input tokens than its `above_tokens`; and `tiers`, all these fields again for service tiers other than the
    standard one.

    Args:
        models: The mapping. Nothing about it is assumed.
        where: What to call it in an error.

    Returns:
        Prices by model, then by service tier; `DEFAULT_TIER` is always there.

    Raises:
        InvalidPriceError: A field is missing, unknown or out of range.
    """
    try:
        stated = _fields(where, models)
        return {model: _tiers(f"{where}: {named(model)}", entry) for model, entry in stated.items()}
    except RecursionError:
        raise InvalidPriceError(f"{where} nests long_context too deeply") from None


def _tiers(where: str, entry: object) -> dict[str, ModelPrice]:
    standard = _fields(where, entry, *_FIELDS, "tiers")
    others = _fields(f"{where}, tiers", standard.pop("tiers", {}))
    if double := sorted(STANDARD_TIERS.intersection(others)):
        raise InvalidPriceError(
            f"{where}, tiers: {double[0]} is the standard tier; state its prices next to `tiers`, not in it"
        )
    prices = {tier: _price(f"{where}, tier {named(tier)}", fields) for tier, fields in others.items()}
    return {DEFAULT_TIER: _price(where, standard), **prices}


def _price(where: str, entry: object) -> ModelPrice:
    fields = _fields(where, entry, *_FIELDS)
    if "input" not in fields:
        raise InvalidPriceError(f"{where} lacks the field 'input'")
    longer = fields.get("long_context")
    long_context = None if longer is None else _long_context(f"{where}, long_context", longer)
    try:
        return ModelPrice(
            fields["input"],
            fields.get("cache_read"),
            fields.get("cache_write"),
            {
                each: rate
                for each in _LONG_LIFETIMES
                if (rate := fields.get(f"cache_write_{each}")) is not None
            },
            long_context,
        )
    except InvalidPriceError as error:
        raise InvalidPriceError(f"{where}: {error}") from None


def _long_context(where: str, entry: object) -> LongContext:
    fields = _fields(where, entry, *_FIELDS, "above_tokens")
    above_tokens = fields.pop("above_tokens", None)
    price = _price(where, fields)
    try:
        return LongContext(above_tokens, price)
    except InvalidPriceError as error:
        raise InvalidPriceError(f"{where}: {error}") from None


def _fields(where: str, entry: object, *allowed: str) -> dict[str, Any]:
    """Copy a mapping with names as keys; all names are allowed if none are given."""
    if not isinstance(entry, Mapping):
        raise InvalidPriceError(f"{where} is {quoted(entry)}: expected a mapping")
    fields = cast("Mapping[object, object]", entry)
    for name in fields:
        if not isinstance(name, str) or (allowed and name not in allowed):
            expected = f"one of {', '.join(allowed)}" if allowed else "a string"
            raise InvalidPriceError(f"{where} has an invalid field {quoted(name)}: expected {expected}")
    return dict(cast("Mapping[str, Any]", fields))
