from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.money.pricing import (
    CostBreakdown,
    InvalidPriceError,
    LongContext,
    ModelPrice,
    cost,
)
from otel_promptcache.core.money.stated_prices import parse_prices
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.quoting import quoted

SOL = ModelPrice(4.0, 0.4, 5.0, long_context=LongContext(272_000, ModelPrice(8.0, 0.8, 10.0)))
NO_DISCOUNT = ModelPrice(15.0)

FIELDS = "input, cache_read, cache_write, cache_write_1h, cache_write_12h, long_context"
AMOUNT = "expected USD per million tokens, a finite number of at least 0"

rates = st.floats(0, 1_000)


@st.composite
def prices(draw: st.DrawFn) -> ModelPrice:
    ordinary = draw(rates)
    writes = st.none() | st.floats(ordinary, 2 * ordinary)
    longer = draw(st.dictionaries(st.sampled_from(["1h", "12h"]), st.floats(ordinary, 2 * ordinary)))
    return ModelPrice(ordinary, draw(st.none() | st.floats(0, ordinary)), draw(writes), longer)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    total = draw(st.integers(0, 2_000_000))
    read = draw(st.integers(0, total))
    written = draw(st.integers(0, total - read))
    longer = draw(st.none() | st.just(0) | st.integers(0, written))
    lifetime = draw(st.sampled_from(["5m", "1h", "12h"]))
    return usage(total, read, written, longer, lifetime)


def usage(
    total: int | None,
    read: int | None,
    written: int | None,
    longer: int | None = None,
    lifetime: str = "12h",
) -> TokenUsage:
    return TokenUsage(
        input_tokens=total,
        cache_read_tokens=read,
        cache_write_tokens=written,
        written_by_lifetime=None if longer is None else ((lifetime, longer),),
    )


class TestCost:
    def test_reads_save_and_writes_cost_more_than_ordinary_input(self) -> None:
        breakdown = cost(usage(15_000, 12_000, 3_000), SOL)

        assert breakdown is not None
        assert breakdown.input_cost_usd == pytest.approx(0.0198)
        assert breakdown.savings_usd == pytest.approx(12_000 * 3.6 / 1e6)
        assert breakdown.write_surcharge_usd == pytest.approx(3_000 * 1.0 / 1e6)
        assert breakdown.net_savings_usd == pytest.approx(0.0432 - 0.003)

    def test_net_savings_are_negative_where_nothing_is_read_back(self) -> None:
        breakdown = cost(usage(12_000, 0, 12_000), SOL)

        assert breakdown is not None
        assert breakdown.net_savings_usd == pytest.approx(-0.012)

    def test_without_a_discount_reads_are_billed_like_ordinary_input(self) -> None:
        assert cost(usage(10_000, 9_000, 0), NO_DISCOUNT) == CostBreakdown(0.15, 0.0, 0.0)

    @pytest.mark.parametrize("written", [None, 0, 1_000])
    def test_without_a_charge_it_does_not_matter_whether_writes_are_reported(
        self, written: int | None
    ) -> None:
        breakdown = cost(usage(10_000, 8_000, written), ModelPrice(2.5, 1.25))

        assert breakdown is not None
        assert breakdown.input_cost_usd == pytest.approx(0.015)
        assert breakdown.write_surcharge_usd == 0

    def test_a_write_price_equal_to_ordinary_input_is_no_charge(self) -> None:
        assert cost(usage(10_000, 8_000, None), ModelPrice(3.0, 0.3, 3.0)) is not None

    def test_the_long_lifetime_has_a_price_of_its_own(self) -> None:
        breakdown = cost(usage(10_000, 0, 5_000, 2_000), ModelPrice(1.0, 0.05, 1.25, {"12h": 2.5}))

        assert breakdown is not None
        assert breakdown.write_surcharge_usd == pytest.approx((3_000 * 0.25 + 2_000 * 1.5) / 1e6)
        assert breakdown.input_cost_usd == pytest.approx((5_000 + 3_000 * 1.25 + 2_000 * 2.5) / 1e6)

    @pytest.mark.parametrize("written_12h", [None, 0])
    def test_writes_without_a_reported_long_lifetime_are_default_ones(self, written_12h: int | None) -> None:
        price = ModelPrice(1.0, 0.05, 1.25, {"12h": 2.5})

        assert cost(usage(5_000, 0, 5_000, written_12h), price) == cost(usage(5_000, 0, 5_000), price)

    @pytest.mark.parametrize(
        ("reported", "price"),
        [
            pytest.param(usage(None, 10, 0), SOL, id="input not reported"),
            pytest.param(usage(100, None, 0), SOL, id="read part not reported"),
            pytest.param(usage(100, None, 0), NO_DISCOUNT, id="read part not reported, no discount"),
            pytest.param(usage(100, 10, None), SOL, id="written part not reported where it is charged"),
            pytest.param(
                usage(100, 10, None),
                ModelPrice(1.0, cache_write_usd_per_mtok_by_lifetime={"12h": 2.0}),
                id="written part not reported where one lifetime is charged",
            ),
            pytest.param(usage(100, 10, 50, 1), SOL, id="long lifetime without a known price"),
            pytest.param(
                usage(100, 10, None, 1), NO_DISCOUNT, id="long lifetime only, without a known price"
            ),
        ],
    )
    def test_what_cannot_be_known_is_not_guessed(self, reported: TokenUsage, price: ModelPrice) -> None:
        assert cost(reported, price) is None

    def test_the_default_lifetime_may_be_named(self) -> None:
        named, unnamed = usage(5_000, 0, 5_000, 5_000, "5m"), usage(5_000, 0, 5_000)

        assert cost(named, SOL) == cost(unnamed, SOL)

    def test_what_was_compacted_is_added_at_the_price_of_its_own_length(self) -> None:
        compaction = usage(300_000, 0, 0)
        together = cost(replace(usage(1_000, 500, 0), compactions=(compaction, compaction)), SOL)

        assert together is not None
        assert together.input_cost_usd == pytest.approx((500 * 4 + 500 * 0.4 + 600_000 * 8) / 1e6)
        assert together.savings_usd == pytest.approx(500 * 3.6 / 1e6)

    def test_what_was_compacted_may_make_the_whole_unknown(self) -> None:
        assert cost(replace(usage(1_000, 500, 0), compactions=(usage(1_000, None, 0),)), SOL) is None

    def test_nothing_costs_nothing(self) -> None:
        assert cost(usage(0, 0, 0), SOL) == CostBreakdown(0.0, 0.0, 0.0)


class TestLongContext:
    def test_beyond_the_threshold_all_tokens_are_billed_at_the_long_price(self) -> None:
        at_threshold, beyond = cost(usage(272_000, 100_000, 0), SOL), cost(usage(272_001, 100_000, 0), SOL)

        assert at_threshold is not None
        assert beyond is not None
        assert at_threshold.input_cost_usd == pytest.approx((172_000 * 4.0 + 100_000 * 0.4) / 1e6)
        assert beyond.input_cost_usd == pytest.approx((172_001 * 8.0 + 100_000 * 0.8) / 1e6)
        assert beyond.savings_usd == pytest.approx(100_000 * 7.2 / 1e6)

    def test_there_may_be_several_steps(self) -> None:
        steps = ModelPrice(3.0, long_context=LongContext(200, ModelPrice(9.0)))
        price = ModelPrice(1.0, long_context=LongContext(100, steps))

        billed = [cost(usage(tokens, 0, 0), price) for tokens in (100, 101, 200, 201)]

        assert [each and each.input_cost_usd * 1e6 for each in billed] == pytest.approx([100, 303, 600, 1809])

    @pytest.mark.parametrize("above", [0, -1, 1.5, True, None])
    def test_the_threshold_is_a_positive_integer(self, above: int) -> None:
        with pytest.raises(InvalidPriceError, match=rf"above_tokens is {above!r}: expected an integer"):
            LongContext(above, NO_DISCOUNT)

    def test_steps_rise(self) -> None:
        with pytest.raises(InvalidPriceError, match="above_tokens is 100: expected more than 100"):
            LongContext(100, replace(NO_DISCOUNT, long_context=LongContext(100, NO_DISCOUNT)))


def stated_price(ordinary: float, name: str, rate: Any) -> dict[str, Any]:
    """The arguments of a price with one rate, given by name."""
    if name == "cache_write_12h":
        return {"input_usd_per_mtok": ordinary, "cache_write_usd_per_mtok_by_lifetime": {"12h": rate}}
    return {"input_usd_per_mtok": ordinary, f"{name}_usd_per_mtok": rate}


class TestModelPrice:
    @pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), "2", True, 10**400, 10**9 + 1, 1e300])
    @pytest.mark.parametrize("name", ["input", "cache_read", "cache_write", "cache_write_12h"])
    def test_a_rate_is_a_finite_amount(self, name: str, rate: float) -> None:
        stated = stated_price(1.0, name, rate)

        with pytest.raises(
            InvalidPriceError, match=f"^{name} is {re.escape(quoted(rate))}: expected USD per million tokens"
        ):
            ModelPrice(**stated)

    def test_ordinary_input_has_a_price(self) -> None:
        with pytest.raises(InvalidPriceError, match="input is None"):
            ModelPrice(None)  # pyright: ignore[reportArgumentType]

    def test_a_read_is_not_dearer_than_ordinary_input(self) -> None:
        with pytest.raises(InvalidPriceError, match=r"cache_read is 2: expected at most input, 1\.5"):
            ModelPrice(1.5, 2)

    @pytest.mark.parametrize("name", ["cache_write", "cache_write_12h"])
    def test_a_write_is_not_cheaper_than_ordinary_input(self, name: str) -> None:
        with pytest.raises(InvalidPriceError, match=rf"{name} is 1: expected at least input, 1\.5"):
            ModelPrice(**stated_price(1.5, name, 1))

    def test_prices_and_costs_are_frozen(self) -> None:
        with pytest.raises(FrozenInstanceError):
            NO_DISCOUNT.input_usd_per_mtok = 1.0  # pyright: ignore[reportAttributeAccessIssue]


class TestInvariants:
    @given(usages(), prices())
    def test_the_parts_add_up_and_none_is_negative(self, reported: TokenUsage, price: ModelPrice) -> None:
        breakdown = cost(reported, price)
        if breakdown is None:
            ((lifetime, longer),) = reported.written_by_lifetime or ()
            assert longer
            assert lifetime not in {"5m", *price.cache_write_usd_per_mtok_by_lifetime}
            return

        ordinary = (reported.input_tokens or 0) * price.input_usd_per_mtok / 1e6
        assert breakdown.input_cost_usd == pytest.approx(
            ordinary - breakdown.savings_usd + breakdown.write_surcharge_usd, rel=1e-9, abs=1e-9
        )
        assert min(breakdown.input_cost_usd, breakdown.savings_usd, breakdown.write_surcharge_usd) >= 0
        assert breakdown.net_savings_usd <= breakdown.savings_usd

    @given(usages(), prices(), st.integers(0, 50))
    def test_dollars_are_linear_in_tokens(self, reported: TokenUsage, price: ModelPrice, factor: int) -> None:
        once = cost(reported, price)
        ((lifetime, longer),) = reported.written_by_lifetime or (("1h", None),)
        often = cost(
            usage(
                factor * (reported.input_tokens or 0),
                factor * (reported.cache_read_tokens or 0),
                factor * (reported.cache_write_tokens or 0),
                None if longer is None else factor * longer,
                lifetime,
            ),
            price,
        )

        if once is not None:
            assert often is not None
            assert often.input_cost_usd == pytest.approx(factor * once.input_cost_usd)
            assert often.savings_usd == pytest.approx(factor * once.savings_usd)
            assert often.write_surcharge_usd == pytest.approx(factor * once.write_surcharge_usd)

    @given(usages(), prices())
    def test_prices_that_do_not_change_beyond_a_threshold_change_nothing(
        self, reported: TokenUsage, price: ModelPrice
    ) -> None:
        assert cost(reported, replace(price, long_context=LongContext(1_000, price))) == cost(reported, price)


class TestParsePrices:
    def test_steps_within_steps_without_end_are_refused(self) -> None:
        entry: dict[str, object] = {"input": 1, "above_tokens": 1}
        entry["long_context"] = entry
        with pytest.raises(InvalidPriceError, match=r"^here nests long_context too deeply"):
            parse_prices({"m": {"input": 1, "long_context": entry}}, "here")

    def test_every_field_is_read(self) -> None:
        stated = {
            "input": 4,
            "cache_read": 0.4,
            "cache_write": 5,
            "cache_write_1h": 6,
            "cache_write_12h": 8.0,
        }
        longer = {
            "above_tokens": 272_000,
            "input": 8.0,
            "long_context": {"above_tokens": 500_000, "input": 9},
        }

        parsed = parse_prices({"m": {**stated, "long_context": longer, "tiers": {"flex": {"input": 2}}}})

        beyond = ModelPrice(8.0, long_context=LongContext(500_000, ModelPrice(9)))
        assert parsed == {
            "m": {
                "default": ModelPrice(4, 0.4, 5, {"1h": 6, "12h": 8.0}, LongContext(272_000, beyond)),
                "flex": ModelPrice(2),
            }
        }

    def test_null_is_the_same_as_absent(self) -> None:
        nulls = {"input": 1, "cache_read": None, "cache_write": None, "long_context": None}

        assert parse_prices({"m": nulls}) == parse_prices({"m": {"input": 1}})

    def test_the_setting_is_not_changed(self) -> None:
        setting = {"m": {"input": 1, "tiers": {}, "long_context": {"above_tokens": 1, "input": 1}}}
        before = repr(setting)

        parse_prices(setting)

        assert repr(setting) == before

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            (3, "here is 3: expected a mapping"),
            ({1: {}}, "here has an invalid field 1: expected a string"),
            ({"m": 3}, "here: m is 3: expected a mapping"),
            ({"m": {}}, "here: m lacks the field 'input'"),
            (
                {"m": {"input": 1, "cached": 2}},
                f"here: m has an invalid field 'cached': expected one of {FIELDS}, tiers",
            ),
            (
                {"m": {"input": "2"}},
                f"here: m: input is '2': {AMOUNT}",
            ),
            ({"m": {"input": 1, "cache_read": 2}}, "here: m: cache_read is 2: expected at most input, 1"),
            (
                {"m": {"input": 1, "long_context": {"above_tokens": 5}}},
                "here: m, long_context lacks the field 'input'",
            ),
            (
                {"m": {"input": 1, "long_context": {"input": 2}}},
                "here: m, long_context: above_tokens is None: expected an integer of at least 1",
            ),
            (
                {"m": {"input": 1, "long_context": {"above_tokens": 5, "input": 2, "tiers": {}}}},
                f"here: m, long_context has an invalid field 'tiers': expected one of {FIELDS}, above_tokens",
            ),
            ({"m": {"input": 1, "tiers": 3}}, "here: m, tiers is 3: expected a mapping"),
            (
                {"m": {"input": 1, "tiers": {"auto": {"input": 2}}}},
                "here: m, tiers: auto is the standard tier; state its prices next to `tiers`, not in it",
            ),
            (
                {"m": {"input": 1, "tiers": {"flex": {"input": -1}}}},
                f"here: m, tier flex: input is -1: {AMOUNT}",
            ),
        ],
    )
    def test_an_error_names_the_place_the_value_and_what_is_allowed(
        self, setting: object, message: str
    ) -> None:
        with pytest.raises(InvalidPriceError) as raised:
            parse_prices(setting, "here")

        assert str(raised.value) == message
