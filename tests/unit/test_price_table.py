from __future__ import annotations

import sys
import threading
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache import prices as module
from otel_promptcache.core.money.pricing import LongContext, ModelPrice, cost
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.prices import Prices
from otel_promptcache.providers.profiles import PROFILES
from tests.unit.price_tables import LONG, MULTIPLIERS, NOW, PUBLISHED, FakeTable, listed, needs_table, openai

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.version_info >= (3, 11):
    import genai_prices
    from genai_prices import data_snapshot, types


@pytest.fixture(autouse=True)
def _own_table() -> Iterator[None]:
    yield
    if sys.version_info >= (3, 11):
        data_snapshot.set_custom_snapshot(None)


CROSS_CHECKED = [
    *(("openai", "openai", model, None) for model in PUBLISHED),
    *(("openai", "openai", model, tier) for tier, models in MULTIPLIERS.items() for model in models),
    ("aws.bedrock", "aws", "openai.gpt-6.1-terra", None),
    ("deepseek", "deepseek", "deepseek-v4-pro", None),
    ("moonshot_ai", "moonshotai", "kimi-k3", None),
    ("openrouter", "openrouter", "qwen/qwen3-coder-plus", None),
    ("x_ai", "x-ai", "grok-4.7", None),
]


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    thresholds = [32_000, 128_000, 200_000, LONG]
    total = draw(st.integers(0, 600_000) | st.sampled_from([t + d for t in thresholds for d in (-1, 0, 1)]))
    read = draw(st.integers(0, total))
    return TokenUsage(
        input_tokens=total, cache_read_tokens=read, cache_write_tokens=draw(st.integers(0, total - read))
    )


@needs_table
class TestAgainstTheTable:
    table = Prices()

    @given(usages(), st.sampled_from(CROSS_CHECKED), st.integers(0, 200))
    def test_input_costs_what_the_table_itself_computes(
        self, usage: TokenUsage, priced: tuple[str, str, str, str | None], days: int
    ) -> None:
        provider, table_id, model, tier = priced
        at = NOW if tier else NOW - timedelta(days=days)
        price = self.table.resolve(provider, model, tier, at)
        assert price is not None
        breakdown = cost(usage, price)
        assert breakdown is not None

        expected = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input_tokens,
                cache_read_tokens=usage.cache_read_tokens,
                cache_write_tokens=usage.cache_write_tokens,
            ),
            model,
            provider_id=table_id,
            genai_request_timestamp=at,
            price_context={"service_tier": tier} if tier else None,
        )

        assert breakdown.input_cost_usd == pytest.approx(float(expected.input_price), rel=1e-9, abs=1e-15)

    def test_every_entry_translates_or_has_no_price(self) -> None:
        table = Prices()
        for profile in PROFILES:
            if profile.prices is None:
                continue
            providers = data_snapshot.get_snapshot().providers
            listed = data_snapshot.find_provider_by_id(providers, profile.prices.table_id)
            assert listed is not None
            for info in listed.models:
                price = table.resolve(profile.name, info.id, None, NOW)
                assert price is None or price.input_usd_per_mtok >= 0


@needs_table
class TestMemo:
    def test_a_price_is_looked_up_once_a_day(self) -> None:
        fake, prices = FakeTable(listed(input_mtok=1)).install(), Prices()

        first = [prices.resolve("openai", "m", "default", NOW.replace(hour=hour)) for hour in range(24)]
        prices.resolve("openai", "m", "default", NOW + timedelta(days=1))

        assert first == [ModelPrice(1)] * 24
        assert fake.lookups == 2

    def test_it_tells_providers_tiers_and_hosts_apart(self) -> None:
        prices = Prices()
        asked = [
            ("openai", None, None),
            ("aws.bedrock", None, None),
            ("openai", "flex", None),
            ("openai", None, "eu.api.openai.com"),
        ]

        found = [prices.resolve(who, "gpt-6-sol", tier, NOW, host=host) for who, tier, host in 2 * asked]

        assert [price and price.input_usd_per_mtok for price in found] == 2 * [2, 2.2, 1, None]

    def test_so_is_that_there_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        prices, lookups = Prices(), []
        monkeypatch.setattr(
            types.Provider, "find_model", lambda *args, **kwargs: lookups.append(args)
        )  # finds nothing

        assert [prices.resolve("openai", "unknown", None, NOW) for _ in range(3)] == [None] * 3
        assert len(lookups) == 1

    def test_it_is_bounded(self) -> None:
        prices = Prices()
        FakeTable(listed(input_mtok=1)).install()

        for number in range(3 * module._MEMO_SIZE):
            assert prices.resolve("openai", f"m{number}", None, NOW) == ModelPrice(1)

        assert prices._table is not None
        assert len(prices._table.memo) <= module._MEMO_SIZE

    def test_an_updated_table_is_used_at_once(self) -> None:
        prices = Prices()
        FakeTable(listed(input_mtok=1)).install()
        before = prices.resolve("openai", "m", None, NOW)
        FakeTable(listed(input_mtok=2)).install()

        assert (before, prices.resolve("openai", "m", None, NOW)) == (ModelPrice(1), ModelPrice(2))

    def test_a_price_with_hours_is_not_remembered(self) -> None:
        peak = types.TimeOfDateConstraint(time(9), time(17))
        fake = FakeTable(
            [
                types.ConditionalPrice(prices=listed(input_mtok=1)),
                types.ConditionalPrice(peak, prices=listed(input_mtok=2)),
            ]
        ).install()
        prices = Prices()

        found = [prices.resolve("openai", "m", None, NOW.replace(hour=hour)) for hour in (8, 9, 16, 17)]

        assert found == [ModelPrice(1), ModelPrice(2), ModelPrice(2), ModelPrice(1)]
        assert fake.lookups == 4

    def test_threads_share_it(self) -> None:
        FakeTable(listed(input_mtok=1)).install()
        prices, failures = Prices(), []
        barrier = threading.Barrier(16)

        def work() -> None:
            barrier.wait()
            found = [prices.resolve("openai", f"m{number % 1_500}", None, NOW) for number in range(2_000)]
            failures.extend(price for price in found if price != ModelPrice(1))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert prices._table is not None
        assert len(prices._table.memo) <= module._MEMO_SIZE + len(threads)


@needs_table
class TestOddEntries:
    def test_rates_with_steps_of_their_own(self) -> None:
        def tiered(base: float, **steps: float) -> types.TieredPrices:
            tiers = [types.Tier(int(start[1:]), Decimal(str(price))) for start, price in steps.items()]
            return types.TieredPrices(Decimal(str(base)), tiers)

        FakeTable(
            listed(
                input_mtok=tiered(1, _100=2, _300=4),
                cache_read_mtok=tiered(0.1, _200=0.2),
                cache_write_mtok=5,
            )
        ).install()

        above_300 = ModelPrice(4, 0.2, 5)
        above_200 = ModelPrice(2, 0.2, 5, long_context=LongContext(300, above_300))
        above_100 = ModelPrice(2, 0.1, 5, long_context=LongContext(200, above_200))
        assert openai("m") == ModelPrice(1, 0.1, 5, long_context=LongContext(100, above_100))

    def test_a_step_at_zero_is_no_step(self) -> None:
        FakeTable(listed(input_mtok=types.TieredPrices(Decimal(1), [types.Tier(0, Decimal(2))]))).install()

        assert openai("m") == ModelPrice(2)

    def test_a_tier_that_lacks_a_rate_has_no_price(self) -> None:
        standard = listed(input_mtok=2, cache_read_mtok=1)
        lacking = types.PriceVariant({"service_tier": "flex"}, listed(input_mtok=1))
        full = types.PriceVariant({"service_tier": "fast"}, listed(input_mtok=4, cache_read_mtok=2))
        FakeTable(standard, [lacking, full]).install()

        assert openai("m", "flex") is None
        assert openai("m", "fast") == ModelPrice(4, 2)

    def test_a_tier_under_a_further_condition_has_no_price(self) -> None:
        batch = types.PriceVariant({"service_tier": "flex", "processing": "batch"}, listed(input_mtok=1))
        FakeTable(listed(input_mtok=2), [batch]).install()

        assert openai("m", "flex") is None

    def test_a_tier_whose_day_has_not_come_has_no_price(self) -> None:
        later = types.StartDateConstraint(date(2026, 11, 21))
        FakeTable(
            listed(input_mtok=2), [types.PriceVariant({"service_tier": "flex"}, listed(input_mtok=1), later)]
        ).install()

        assert openai("m", "flex") is None
        assert openai("m", "flex", NOW + timedelta(days=1)) == ModelPrice(1)

    @pytest.mark.parametrize(
        "entry",
        [
            {},
            {"output_mtok": 1},
            {"input_audio_mtok": 1},
            {"input_mtok": 1, "cache_read_mtok": 2},
            {"input_mtok": float("nan")},
        ],
    )
    def test_an_entry_that_does_not_tell_what_input_costs(self, entry: dict[str, float]) -> None:
        FakeTable(listed(**entry)).install()

        assert openai("m") is None

    def test_other_output_is_none_of_our_business(self) -> None:
        FakeTable(listed(input_mtok=1, output_audio_mtok=9, web_searches_kcount=10)).install()

        assert openai("m") == ModelPrice(1)
