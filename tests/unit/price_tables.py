"""Shared by the price tests: the prices that OpenAI published, and a fake table."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.prices import Prices

if sys.version_info >= (3, 11):
    from genai_prices import data_snapshot, types

needs_table = pytest.mark.skipif(sys.version_info < (3, 11), reason="genai-prices needs Python 3.11")

UTC = timezone.utc
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
LONG = 272_000

# model: (input, read, write), USD per million tokens, as OpenAI published them in October 2026
PUBLISHED: dict[str, tuple[float, float | None, float | None]] = {
    "gpt-4o": (2.5, 1.25, None),
    "gpt-4o-2024-08-06": (2.5, 1.25, None),
    "gpt-4o-mini": (0.15, 0.075, None),
    "gpt-4.1": (2, 0.5, None),
    "gpt-4.1-mini": (0.4, 0.1, None),
    "gpt-4.1-nano": (0.1, 0.025, None),
    "o3": (2, 0.5, None),
    "o4-mini": (1.1, 0.275, None),
    "o3-mini": (1.1, 0.55, None),
    "gpt-5": (1.25, 0.125, None),
    "gpt-5.1": (1.25, 0.125, None),
    "gpt-5-mini": (0.25, 0.025, None),
    "gpt-5-nano": (0.05, 0.005, None),
    "gpt-5.2": (1.75, 0.175, None),
    "gpt-5.4": (2.5, 0.25, None),
    "gpt-5.4-mini": (0.75, 0.075, None),
    "gpt-5.4-nano": (0.2, 0.02, None),
    "gpt-5.5": (5, 0.5, None),
    "gpt-5.6": (4, 0.4, 5),
    "gpt-5.6-sol": (4, 0.4, 5),
    "gpt-5.6-terra": (2, 0.2, 2.5),
    "gpt-5.6-luna": (0.2, 0.02, 0.25),
    "gpt-6-astra": (10, 1, 12.5),
    "gpt-6-sol": (2, 0.2, 2.5),
    "gpt-6-luna": (0.1, 0.01, 0.125),
    "gpt-6.1-sol": (2, 0.1, 2.5),
    "gpt-6.1-terra": (1, 0.05, 1.25),
    "gpt-5-pro": (15, None, None),
    "gpt-5.2-pro": (21, None, None),
    "gpt-5.4-pro": (30, None, None),
    "gpt-5.5-pro": (30, None, None),
}
LONG_CONTEXT = [
    "gpt-5.4", "gpt-5.5", "gpt-5.4-pro", "gpt-5.5-pro", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna",
    "gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra",
]  # fmt: skip
# price of a tier / standard price
MULTIPLIERS = {
    "priority": {
        "gpt-4o": 1.7, "gpt-4o-mini": 5 / 3, "gpt-4.1": 1.75, "gpt-4.1-mini": 1.75, "gpt-4.1-nano": 2,
        "o3": 1.75, "o4-mini": 2 / 1.1, "gpt-5": 2, "gpt-5.1": 2, "gpt-5-mini": 1.8, "gpt-5.2": 2,
        "gpt-5.4": 2, "gpt-5.4-mini": 2, "gpt-5.5": 2.5, "gpt-5.6-sol": 2, "gpt-5.6-terra": 2,
        "gpt-5.6-luna": 2, "gpt-6-astra": 2, "gpt-6-sol": 2, "gpt-6-luna": 2, "gpt-6.1-sol": 2,
        "gpt-6.1-terra": 2,
    },
    "flex": dict.fromkeys(
        (
            "o3", "gpt-5", "gpt-5.1", "gpt-5-mini", "gpt-5-nano", "gpt-5.2", "gpt-5.4-mini", "gpt-5.4-nano",
            "gpt-5.5", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-6-astra", "gpt-6-sol",
            "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra", "gpt-5.4-pro", "gpt-5.5-pro",
        ),
        0.5,
    ),
}  # fmt: skip
MULTIPLIERS["fast"] = MULTIPLIERS["priority"]


def openai(
    model: str, tier: str | None = None, at: datetime = NOW, host: str | None = None
) -> ModelPrice | None:
    return Prices().resolve("openai", model, tier, at, host=host)


def rates(price: ModelPrice | None) -> tuple[float, float | None, float | None]:
    assert price is not None
    return price.input_usd_per_mtok, price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok


def times(factor: float, listed: tuple[float | None, ...]) -> tuple[float | None, ...]:
    return tuple(rate if rate is None else pytest.approx(factor * rate, rel=1e-3) for rate in listed)


class FakeTable:
    """A table with one model under `openai`, which counts price lookups."""

    def __init__(self, prices: Any, variants: list[types.PriceVariant] | None = None) -> None:
        self.lookups = 0

        class Counting(types.ModelInfo):
            def get_prices(inner, *args: Any) -> types.ModelPrice:  # noqa: N805
                self.lookups += 1
                return super().get_prices(*args)

        match = types.ClauseStartsWith("m")
        info = Counting(id="m", match=match, prices=prices, price_variants=variants)
        seller = types.Provider(id="openai", name="", api_pattern="", models=[info])
        self.snapshot = data_snapshot.DataSnapshot([seller], from_auto_update=False)

    def install(self) -> FakeTable:
        data_snapshot.set_custom_snapshot(self.snapshot)
        return self


def listed(**rates: float | types.TieredPrices) -> types.ModelPrice:
    return types.ModelPrice(
        **{
            name: rate if isinstance(rate, types.TieredPrices) else Decimal(str(rate))
            for name, rate in rates.items()
        }
    )
