"""Every Claude model of the price table, by lifetime and variant, against the table's own calculation."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Any

import pytest

from otel_promptcache.core.money.parts import usage_in_parts
from otel_promptcache.core.money.pricing import cost
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.prices import Prices
from tests.unit.price_tables import needs_table

if sys.version_info >= (3, 11):
    import genai_prices
    from genai_prices import data_snapshot

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
TABLES = {"anthropic": "anthropic", "aws.bedrock": "aws", "gcp.vertex_ai": "google"}
CONTEXTS: dict[str | None, dict[str, str] | None] = {
    None: None, "fast": {"speed": "fast"}, "batch": {"processing": "batch"}
}  # fmt: skip

WRITES = {"read only": (0, 0), "5m": (4_000, 0), "1h": (0, 4_000), "both": (3_000, 1_000)}


def claude_models(table_id: str) -> list[Any]:
    provider = data_snapshot.find_provider_by_id(data_snapshot.get_snapshot().providers, table_id)
    assert provider is not None
    return [model for model in provider.models if "claude" in model.id]


def usage(uncached: int, read: int, written_5m: int, written_1h: int) -> TokenUsage:
    return usage_in_parts(
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_tokens=written_5m + written_1h,
        written_by_lifetime=(("5m", written_5m), ("1h", written_1h)),
    )


@needs_table
@pytest.mark.parametrize("tier", CONTEXTS)
@pytest.mark.parametrize("writes", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("uncached", [21, 250_000])
@pytest.mark.parametrize("provider", TABLES)
def test_input_costs_what_the_table_itself_computes(
    provider: str, uncached: int, writes: tuple[int, int], tier: str | None
) -> None:
    compared, unpriced = 0, set[str]()
    for model in claude_models(TABLES[provider]):
        called = model.id.replace("regional.", "us.")
        price = Prices().resolve(provider, called, tier, NOW)
        breakdown = price and cost(usage(uncached, 1_000, *writes), price)
        if breakdown is None:
            unpriced.add(model.id)
            continue
        expected = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=uncached + 1_000 + sum(writes),
                cache_read_tokens=1_000,
                cache_write_tokens=sum(writes),
                cache_write_1h_tokens=writes[1],
            ),
            called,
            provider_id=TABLES[provider],
            genai_request_timestamp=NOW,
            price_context=CONTEXTS[tier],
        )
        assert breakdown.input_cost_usd == pytest.approx(float(expected.input_price), rel=1e-9), model.id
        compared += 1
    for model in claude_models(TABLES[provider]):
        assert (model.id in unpriced) == lacks_a_rate(model, tier, writes), model.id
    assert compared or (tier is not None and provider != "anthropic")


def lacks_a_rate(model: Any, tier: str | None, writes: tuple[int, int]) -> bool:
    """Whether the table has no discount for reads, no price for the lifetime, or no such variant."""
    prices = model.get_prices(NOW)
    is_listed = tier is None or any(variant.when == CONTEXTS[tier] for variant in model.price_variants or ())
    has_rates = prices.cache_read_mtok is not None and (
        not writes[1] or prices.cache_write_1h_mtok is not None
    )
    return not (is_listed and has_rates)


@needs_table
@pytest.mark.parametrize(
    ("model", "read", "written_5m", "written_1h"),
    [
        ("claude-opus-5-5", 0.2, 5, 8),
        ("claude-sonnet-5-5", 0.1, 2.5, 4),
        ("claude-fable-5-2", 0.2, 10, 16),
        ("claude-haiku-4-5", 0.1, 1.25, 2),
    ],
)
def test_the_prices_of_the_price_list(model: str, read: float, written_5m: float, written_1h: float) -> None:
    """Source: Anthropic, pricing (copies of September and October 2026)."""
    price = Prices().resolve("anthropic", model, None, NOW)
    assert price is not None
    for counts, usd in (((1_000, 0, 0), read), ((0, 1_000, 0), written_5m), ((0, 0, 1_000), written_1h)):
        breakdown = cost(usage(0, *counts), price)
        assert breakdown is not None
        assert breakdown.input_cost_usd == pytest.approx(usd / 1_000)


@needs_table
@pytest.mark.parametrize("tier", ["priority", "fast+batch", "us"])
def test_what_is_on_no_list_has_no_price(tier: str) -> None:
    assert Prices().resolve("anthropic", "claude-opus-5", tier, NOW) is None
