from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage

counts = st.none() | st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    read, write, rest = (draw(st.integers(0, 10**6)) for _ in range(3))
    return TokenUsage(
        input_tokens=read + write + rest,
        cache_read_tokens=read,
        cache_write_tokens=draw(st.sampled_from([write, None])),
    )


@given(usages())
def test_the_three_states_add_up_to_the_input(usage: TokenUsage) -> None:
    assert usage.uncached_tokens is not None
    assert usage.cache_read_tokens is not None
    assert (
        usage.cache_read_tokens + (usage.cache_write_tokens or 0) + usage.uncached_tokens
        == usage.input_tokens
    )


@given(usages())
def test_hit_ratio_is_a_share(usage: TokenUsage) -> None:
    assert usage.hit_ratio is None if usage.input_tokens == 0 else 0 <= (usage.hit_ratio or 0) <= 1


def test_not_reported_is_not_zero() -> None:
    unreported = TokenUsage(input_tokens=100)
    assert unreported.hit_ratio is None
    assert unreported.uncached_tokens is None
    zero = TokenUsage(input_tokens=100, cache_read_tokens=0)
    assert zero.hit_ratio == 0
    assert zero.uncached_tokens == 100
    assert TokenUsage(cache_read_tokens=5).hit_ratio is None
    assert TokenUsage(cache_read_tokens=5).uncached_tokens is None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"input_tokens": -1}, "input_tokens: expected an integer from 0 to 1,000,000,000, or null"),
        ({"input_tokens": "n/a"}, "input_tokens: expected"),
        ({"input_tokens": 2**63}, "input_tokens: expected"),
        ({"output_tokens": 10**5_000}, "output_tokens: expected"),
        ({"cache_read_tokens": True}, "cache_read_tokens: expected"),
        ({"output_tokens": 1.5}, "output_tokens: expected"),
        (
            {"input_tokens": 10, "cache_read_tokens": 8, "cache_write_tokens": 3},
            r"cache_read_tokens \+ cache_write_tokens is 11, more than input_tokens \(10\)",
        ),
        (
            {"cache_write_tokens": 2, "written_by_lifetime": (("5m", 1), ("1h", 2))},
            r"3 tokens were written by lifetime, more than cache_write_tokens \(2\)",
        ),
        ({"written_by_lifetime": (("1h", -1),)}, "tokens written for 1h: expected an integer from 0"),
    ],
)
def test_impossible_usage_is_named(bad: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidUsageError, match=message):
        TokenUsage(**bad)  # type: ignore[arg-type]


@given(counts, counts)
def test_a_part_without_its_whole_is_accepted(read: int | None, write: int | None) -> None:
    assert TokenUsage(cache_read_tokens=read, cache_write_tokens=write).input_tokens is None


def test_a_later_event_wins_and_what_it_leaves_out_stays() -> None:
    first = TokenUsage(input_tokens=2_000, cache_read_tokens=1_500)
    assert first.updated(TokenUsage()) is first
    merged = first.updated(TokenUsage(output_tokens=7, cache_read_tokens=0))
    assert merged == TokenUsage(input_tokens=2_000, output_tokens=7, cache_read_tokens=0)
    with pytest.raises(InvalidUsageError):
        first.updated(TokenUsage(input_tokens=1_000))
