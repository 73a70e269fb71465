from __future__ import annotations

import json
import subprocess
import sys
import threading
import time as clock
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache import prices as module
from otel_promptcache.core.pricing import LongContext, ModelPrice, cost
from otel_promptcache.core.usage import TokenUsage
from otel_promptcache.prices import Prices, load_prices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.version_info >= (3, 11):
    import genai_prices
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


@needs_table
class TestPublishedPrices:
    @pytest.mark.parametrize("tier", [None, "", "default", "auto", "standard"])
    @pytest.mark.parametrize("model", PUBLISHED)
    def test_standard(self, model: str, tier: str | None) -> None:
        assert rates(openai(model, tier)) == PUBLISHED[model]

    @pytest.mark.parametrize(
        ("tier", "model", "factor"),
        [(tier, model, factor) for tier, models in MULTIPLIERS.items() for model, factor in models.items()],
    )
    def test_other_tiers(self, tier: str, model: str, factor: float) -> None:
        assert rates(openai(model, tier)) == times(factor, PUBLISHED[model])

    @pytest.mark.parametrize("model", LONG_CONTEXT)
    def test_long_context_doubles_all_input_rates(self, model: str) -> None:
        price = openai(model)

        assert price is not None
        assert price.long_context is not None
        assert price.long_context.above_tokens == LONG
        assert rates(price.long_context.price) == times(2, PUBLISHED[model])

    def test_a_price_holds_from_its_first_day_in_utc(self) -> None:
        midnight = datetime(2026, 8, 21, tzinfo=UTC)
        west, east = timezone(-timedelta(hours=7)), timezone(timedelta(hours=9))
        second = timedelta(seconds=1)

        assert rates(openai("gpt-5.6-sol", at=midnight - second)) == (5, 0.5, 6.25)
        assert rates(openai("gpt-5.6-sol", at=(midnight - second).astimezone(east))) == (5, 0.5, 6.25)
        assert rates(openai("gpt-5.6-sol", at=(midnight - second).replace(tzinfo=None))) == (5, 0.5, 6.25)
        assert rates(openai("gpt-5.6-sol", at=midnight)) == (4, 0.4, 5)
        assert rates(openai("gpt-5.6-sol", at=midnight.astimezone(west))) == (4, 0.4, 5)
        assert rates(openai("gpt-5.6-sol", at=midnight.replace(tzinfo=None))) == (4, 0.4, 5)

    @pytest.mark.skipif(not hasattr(clock, "tzset"), reason="the zone cannot be set here")
    def test_a_time_without_a_zone_is_in_utc_wherever_the_process_runs(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Asia/Tokyo")
            clock.tzset()
            before, after = (
                rates(openai("gpt-5.6-sol", at=datetime(2026, 8, day, hour)))  # noqa: DTZ001
                for day, hour in ((20, 23), (21, 0))
            )
        clock.tzset()

        assert (before, after) == ((5, 0.5, 6.25), (4, 0.4, 5))

    def test_the_worked_example_of_a_growing_conversation(self) -> None:
        price = openai("gpt-5.6-sol", "default")
        assert price is not None
        usage = TokenUsage(
            input_tokens=15_000, cache_read_tokens=12_000, cache_write_tokens=3_000, output_tokens=100
        )

        breakdown = cost(usage, price)

        assert breakdown is not None
        assert breakdown.input_cost_usd + 100 * 20 / 1e6 == pytest.approx(0.0218, rel=1e-12)

    @pytest.mark.parametrize(
        ("provider", "model", "listed"),
        [
            ("azure.ai.openai", "gpt-4o-2024-08-06", (2.5, 1.25, None)),
            ("aws.bedrock", "openai.gpt-5.6-sol", (4.4, 0.44, 5.5)),
            ("groq", "openai/gpt-oss-120b", (0.15, 0.075, None)),
            ("x_ai", "grok-4.7", (2, 0.5, None)),
            ("mistral_ai", "mistral-small-2603", (0.15, 0.015, None)),
            ("moonshot_ai", "kimi-k3", (3, 0.3, 3)),
            ("perplexity", "perplexity/glm-5.3", (1.4, 0.26, None)),
            ("openrouter", "openai/gpt-5.6-sol", (4, 0.4, 5)),
            ("together_ai", "zai-org/GLM-5.3", (1.4, 0.26, None)),
            ("fireworks_ai", "accounts/fireworks/models/glm-5p3", (1.4, 0.26, None)),
            ("gcp.gemini", "gemini-3.5-flash", (1.5, 0.15, None)),
        ],
    )
    def test_other_providers(self, provider: str, model: str, listed: tuple[float | None, ...]) -> None:
        assert rates(Prices().resolve(provider, model, None, NOW)) == listed


@needs_table
class TestUnpriced:
    @pytest.mark.parametrize(
        "model",
        ["gpt-6.2-astra", "gpt-6.2-sol", "gpt-5.6-sol-nightly", "gpt-4o-2099-01-01", "qwen3-32b", ""],
    )
    def test_a_model_that_is_not_listed_has_not_the_price_of_a_similar_one(self, model: str) -> None:
        assert openai(model) is None

    def test_nor_has_a_provider(self) -> None:
        assert Prices().resolve("nobody", "gpt-4o", None, NOW) is None

    @pytest.mark.parametrize(
        ("model", "tier"),
        [
            ("gpt-6-astra", "ultrafast"), ("gpt-5.6-sol", "scale"), ("gpt-5.6-sol", "Flex"),
            ("gpt-4o", "flex"), ("gpt-4.1", "flex"), ("gpt-5-nano", "priority"), ("o3-mini", "priority"),
            ("gpt-5-pro", "flex"),
        ],
    )  # fmt: skip
    def test_a_tier_that_is_not_listed_is_not_the_standard_one(self, model: str, tier: str) -> None:
        assert openai(model) is not None
        assert openai(model, tier) is None

    def test_a_tier_has_no_price_before_the_table_knows_it(self) -> None:
        assert openai("gpt-5", "flex", datetime(2026, 10, 11, tzinfo=UTC)) is None
        assert openai("gpt-5", "flex", datetime(2026, 10, 12, tzinfo=UTC)) is not None

    def test_azure_does_not_bill_tiers_as_openai_does(self) -> None:
        assert Prices().resolve("azure.ai.openai", "gpt-5.6-sol", "priority", NOW) is None

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            ("ft:gpt-4o-2024-08-06:org::id", "lacks its cached rate"),
            ("gpt-4o-mini-2024-07-18.ft-0123", "lacks its cached rate"),
            ("gpt-4o-audio-preview", "lacks the rate of audio"),
            ("gpt-oss-120b", "is not sold by OpenAI"),
            ("gpt-oss-safeguard-20b", "is not sold by OpenAI"),
            ("gpt-realtime", "bills audio and images apart"),
            ("gpt-audio", "bills audio apart"),
            ("gpt-transcribe", "is billed by the hour"),
        ],
    )
    @pytest.mark.parametrize("provider", ["openai", "azure.ai.openai"])
    def test_a_price_that_is_not_the_whole_price(self, provider: str, model: str, reason: str) -> None:
        assert Prices().resolve(provider, model, None, NOW) is None, reason

    @pytest.mark.parametrize(
        ("provider", "model"),
        [
            ("mistral_ai", "codestral-latest"),  # codestral-2508 has a cached rate, this alias lacks it
            ("azure.ai.openai", "gpt-5-pro"),
            ("openrouter", "google/gemini-3.5-flash"),  # "write" is the storage, below the price of input
        ],
    )
    def test_a_list_that_may_be_incomplete(self, provider: str, model: str) -> None:
        assert Prices().resolve(provider, model, None, NOW) is None

    @pytest.mark.parametrize(
        ("provider", "model", "host"),
        [
            ("openai", "gpt-5.6-sol", "eu.api.openai.com"),
            ("openai", "gpt-5.6-sol", "us.api.openai.com"),
            ("x_ai", "grok-4.6", "us.api.x.ai"),
            ("mistral_ai", "mistral-small-2603", "api.eu.mistral.ai"),
            ("together_ai", "zai-org/GLM-5.3", "us-api.together.ai"),
        ],
    )
    def test_a_regional_endpoint_bills_more_than_the_list(self, provider: str, model: str, host: str) -> None:
        own_host = host.replace("eu.", "").replace("us.", "").replace("us-", "")
        table = Prices()

        assert table.resolve(provider, model, None, NOW, host=own_host) is not None
        assert table.resolve(provider, model, None, NOW, host=host) is None
        assert table.resolve(provider, model, None, NOW, host="gateway.internal") is not None

    def test_groqs_on_demand_and_flex_tiers_have_the_standard_price(self) -> None:
        groq = [
            Prices().resolve("groq", "openai/gpt-oss-20b", tier, NOW)
            for tier in (None, "on_demand", "flex", "performance")
        ]

        assert groq == [groq[0], groq[0], groq[0], None]


@needs_table
class TestPeakHours:
    def test_the_hour_decides_though_the_day_is_the_same(self) -> None:
        table = Prices()
        hours = [0, 3, 5, 8, 12]

        read = [
            rates(table.resolve("deepseek", "deepseek-v4-pro", None, NOW.replace(hour=hour)))[1]
            for hour in hours
        ]

        assert read == [0.022, 0.044, 0.022, 0.044, 0.022]

    def test_the_table_has_peak_hours_at_weekends_where_there_are_none(self) -> None:
        saturday = NOW + timedelta(days=1)

        assert Prices().resolve("deepseek", "deepseek-v4-pro", None, saturday.replace(hour=8)) is None
        assert Prices().resolve("deepseek", "deepseek-v4-pro", None, saturday.replace(hour=12)) is not None


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
        for provider, table_id in module._TABLE_ID.items():
            listed = data_snapshot.find_provider_by_id(data_snapshot.get_snapshot().providers, table_id)
            assert listed is not None
            for info in listed.models:
                price = table.resolve(provider, info.id, None, NOW)
                assert price is None or price.input_usd_per_mtok >= 0


class FakeTable:
    """A table of one model under `openai`, which counts how often a price is looked up."""

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


@pytest.fixture(autouse=True)
def _own_table() -> Iterator[None]:
    yield
    if sys.version_info >= (3, 11):
        data_snapshot.set_custom_snapshot(None)


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
            {"input_mtok": 1, "input_audio_mtok": 1},
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


OWN = load_prices(
    {
        "gpt-6.2-sol": {"input": 2.0, "cache_read": 0.1, "tiers": {"flex": {"input": 1.0}}},
        "gpt-4o": {"input": 1.0},
        "gpt-4o-2024-05-13": {"input": 3.0},
    }
)


class TestOwnPrices:
    @pytest.mark.parametrize("provider", ["openai", "azure.ai.openai", "nobody"])
    def test_they_price_what_the_table_does_not_know(self, provider: str) -> None:
        assert Prices(OWN).resolve(provider, "gpt-6.2-sol", "default", NOW) == ModelPrice(2.0, 0.1)

    @needs_table
    def test_they_win_over_the_table(self) -> None:
        own = Prices(OWN)

        assert own.resolve("openai", "gpt-4o", None, NOW) == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-4o", None, NOW, host="eu.api.openai.com") == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-5", None, NOW) == openai("gpt-5")

    @needs_table
    def test_they_hold_for_dated_snapshots_without_a_price_of_their_own(self) -> None:
        own = Prices(OWN)
        names = [
            "gpt-4o-2024-11-20",
            "gpt-4o-20241120",
            "gpt-4o-2024-05-13",
            "gpt-4o-mini",
            "ft:gpt-4o-2024-11-20:x",
        ]

        found = [own.resolve("openai", name, None, NOW) for name in names]

        assert found == [ModelPrice(1.0), ModelPrice(1.0), ModelPrice(3.0), openai("gpt-4o-mini"), None]

    def test_a_tier_without_a_price_of_its_own_has_none(self) -> None:
        own = Prices(OWN)

        assert own.resolve("openai", "gpt-6.2-sol", "flex", NOW) == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-6.2-sol", "priority", NOW) is None
        assert own.resolve("openai", "gpt-4o", "priority", NOW) is None


class TestLoadPrices:
    def test_none_states_no_prices(self) -> None:
        assert load_prices(None) == {}

    def test_from_a_json_file(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.json"
        path.write_text(json.dumps({"m": {"input": 2, "cache_read": 0.5}}))

        assert load_prices(path) == load_prices(str(path)) == {"m": {"default": ModelPrice(2, 0.5)}}

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in 3.11")
    def test_from_a_toml_file(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.toml"
        path.write_text('["gpt-6.2-sol"]\ninput = 2.0\ntiers.flex = { input = 1.0 }\n')

        assert load_prices(path) == {"gpt-6.2-sol": {"default": ModelPrice(2.0), "flex": ModelPrice(1.0)}}

    @pytest.mark.parametrize(("version", "parser"), [((3, 10, 0), "tomli"), ((3, 11, 0), "tomllib")])
    def test_without_a_toml_parser_the_error_says_what_helps(
        self, version: tuple[int, ...], parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "prices.toml"
        path.write_text("")
        monkeypatch.setattr(sys, "version_info", version)
        monkeypatch.setitem(sys.modules, parser, None)

        with pytest.raises(ValueError, match=r"TOML needs Python 3\.11 or the package tomli; JSON needs"):
            load_prices(path)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            (
                "prices.yaml",
                "",
                r"^prices is '.*prices\.yaml': expected the path of a \.json or \.toml file$",
            ),
            ("prices.json", "{", r"^prices: cannot read .*prices\.json: Expecting property name"),
            ("prices.json", "\xff", r"^prices: cannot read .*prices\.json: 'utf-8' codec"),
            ("prices.json", "[]", r"^prices in .*prices\.json is \[\]: expected a mapping$"),
            ("prices.json", '{"m": {"input": NaN}}', r"^prices in .*prices\.json: m: input is nan: expected"),
        ],
    )
    def test_an_unusable_file(self, name: str, content: str, message: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_bytes(content.encode("latin-1"))

        with pytest.raises(ValueError, match=message):
            load_prices(path)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"^prices: cannot read .*nope\.json: .*No such file"):
            load_prices(tmp_path / "nope.json")

    def test_a_bad_price(self) -> None:
        with pytest.raises(ValueError, match=r"^prices: gpt-4o: cache_read is -1: expected USD"):
            load_prices({"gpt-4o": {"input": 1, "cache_read": -1}})


class TestImport:
    @needs_table
    def test_the_table_is_imported_when_a_price_is_first_needed(self) -> None:
        code = """
import sys
from datetime import datetime
from otel_promptcache.prices import Prices, load_prices
own = Prices(load_prices({"m": {"input": 1}}))
assert own.resolve("openai", "m", None, datetime(2026, 11, 20)) is not None
assert "genai_prices" not in sys.modules
assert own.resolve("openai", "gpt-4o", None, datetime(2026, 11, 20)) is not None
assert "genai_prices" in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})

    def test_without_it_only_own_prices_are_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
        module._snapshot_getter.cache_clear()
        try:
            assert Prices(OWN).resolve("openai", "gpt-5", None, NOW) is None
            assert Prices(OWN).resolve("openai", "gpt-4o", None, NOW) == ModelPrice(1.0)
        finally:
            module._snapshot_getter.cache_clear()
