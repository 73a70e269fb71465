from __future__ import annotations

import time as clock
from datetime import datetime, timedelta, timezone

import pytest

from otel_promptcache.core.money.pricing import cost
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.prices import Prices
from tests.unit.price_tables import (
    LONG,
    LONG_CONTEXT,
    MULTIPLIERS,
    NOW,
    PUBLISHED,
    UTC,
    needs_table,
    openai,
    rates,
    times,
)


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
            ("mistral_ai", "codestral-latest"),  # codestral-2508 has a cached rate; this alias does not
            ("azure.ai.openai", "gpt-5-pro"),
            ("openrouter", "google/gemini-3.5-flash"),  # "write" is the price of storage, below that of input
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
