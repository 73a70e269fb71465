from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.money.pricing import LongContext, ModelPrice, cost, missed_savings_usd
from otel_promptcache.core.money.usage import TokenUsage

READ_ONLY = ModelPrice(input_usd_per_mtok=2.0, cache_read_usd_per_mtok=0.5)
WITH_WRITES = ModelPrice(
    input_usd_per_mtok=4.0,
    cache_read_usd_per_mtok=0.4,
    cache_write_usd_per_mtok=5.0,
    cache_write_usd_per_mtok_by_lifetime={"12h": 10.0},
)
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("usage", "price", "missed_tokens", "usd"),
    [
        (TokenUsage(input_tokens=2 * MILLION, cache_read_tokens=0), READ_ONLY, MILLION, 1.5),
        (TokenUsage(input_tokens=2 * MILLION, cache_read_tokens=0), READ_ONLY, 9 * MILLION, 3.0),
        (TokenUsage(input_tokens=2 * MILLION, cache_read_tokens=0), READ_ONLY, 0, 0.0),
        (
            TokenUsage(input_tokens=MILLION, cache_read_tokens=0, cache_write_tokens=MILLION),
            WITH_WRITES,
            MILLION,
            4.6,  # read at 0.4 instead of written at 5
        ),
        (
            TokenUsage(
                input_tokens=MILLION,
                cache_read_tokens=0,
                cache_write_tokens=MILLION,
                written_by_lifetime=(("12h", MILLION),),
            ),
            WITH_WRITES,
            MILLION,
            9.6,
        ),
        (  # what is still written is assumed to have the longer lifetime
            TokenUsage(
                input_tokens=2 * MILLION,
                cache_read_tokens=0,
                cache_write_tokens=2 * MILLION,
                written_by_lifetime=(("5m", MILLION), ("12h", MILLION)),
            ),
            WITH_WRITES,
            MILLION,
            4.6,
        ),
    ],
)
def test_what_a_miss_costs(usage: TokenUsage, price: ModelPrice, missed_tokens: int, usd: float) -> None:
    assert missed_savings_usd(usage, price, missed_tokens) == pytest.approx(usd)


@pytest.mark.parametrize(
    "usage",
    [
        TokenUsage(input_tokens=MILLION),
        TokenUsage(cache_read_tokens=0),
        TokenUsage(input_tokens=MILLION, cache_read_tokens=0),
    ],
)
def test_what_is_not_reported_has_no_dollars(usage: TokenUsage) -> None:
    assert missed_savings_usd(usage, WITH_WRITES, 1) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_miss_costs_nothing_or_more_and_no_more_than_all_input(
    read: int, written: int, rest: int, missed_tokens: int
) -> None:
    usage = TokenUsage(input_tokens=read + written + rest, cache_read_tokens=read, cache_write_tokens=written)
    price = ModelPrice(
        input_usd_per_mtok=2.0,
        cache_read_usd_per_mtok=0.2,
        cache_write_usd_per_mtok=2.5,
        long_context=LongContext(272_000, ModelPrice(input_usd_per_mtok=4.0, cache_read_usd_per_mtok=0.4)),
    )
    missed, billed = missed_savings_usd(usage, price, missed_tokens), cost(usage, price)
    assert missed is not None
    assert billed is not None
    assert 0 <= missed <= billed.input_cost_usd + 1e-12
