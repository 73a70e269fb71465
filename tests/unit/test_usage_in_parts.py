from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.core.money.parts import UsageInParts, usage_in_parts
from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage


def parts(uncached: Any, read: Any, written: Any, **others: Any) -> UsageInParts:
    return usage_in_parts(
        uncached_input_tokens=uncached, cache_read_tokens=read, cache_write_tokens=written, **others
    )


@pytest.mark.parametrize(
    ("uncached", "read", "written", "total"),
    [
        (21, 1_000, 300, 1_321),
        (0, 0, 0, 0),
        (21, None, None, 21),
        (21, 1_000, None, 1_021),
        (None, 1_000, 300, None),
    ],
)
def test_the_input_is_the_sum_of_what_was_reported(
    uncached: int | None, read: int | None, written: int | None, total: int | None
) -> None:
    usage = parts(uncached, read, written)
    assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (total, read, written)


def test_a_later_message_replaces_the_parts_that_it_names_and_adds_nothing() -> None:
    start = parts(21, 1_000, 300, written_by_lifetime=(("5m", 0), ("1h", 300)))
    end = start.updated(parts(21, 1_000, 300, output_tokens=7, reasoning_tokens=2))
    assert end == replace(start, output_tokens=7, reasoning_tokens=2)
    assert start.updated(parts(None, None, None, output_tokens=7)) == replace(start, output_tokens=7)


def test_parts_of_one_input_may_come_in_two_messages() -> None:
    start = parts(21, None, None, output_tokens=1)
    assert start.updated(parts(None, 1_000, 0)).input_tokens == 1_021


def test_usage_of_another_kind_replaces_it() -> None:
    whole = TokenUsage(input_tokens=5)
    assert parts(21, 1_000, 300).updated(whole) is whole


@pytest.mark.parametrize("bad", [-1, "n/a", True, 1.5, 2**63])
def test_impossible_parts_are_refused(bad: Any) -> None:
    for counts in ((bad, 0, 0), (0, bad, 0), (0, 0, bad)):
        with pytest.raises(InvalidUsageError):
            parts(*counts)
    with pytest.raises(InvalidUsageError):
        parts(10**9, 10**9, 0)


@pytest.mark.parametrize(
    ("earlier", "total", "later"),
    [
        ((("5m", 0), ("1h", 300)), 1_300, (("1h", 1_300),)),
        ((("5m", 0), ("1h", 300)), 200, (("1h", 200),)),
        ((("5m", 0), ("1h", 300)), 0, None),
        ((("5m", 100), ("1h", 200)), 300, (("5m", 100), ("1h", 200))),
        ((("5m", 100), ("1h", 200)), 400, (("5m", 100), ("1h", 200))),
        ((("5m", 100), ("1h", 200)), 200, None),
        (None, 200, None),
    ],
)
def test_a_later_total_without_lifetimes_contradicts_no_earlier_one(
    earlier: Any, total: int, later: Any
) -> None:
    start = parts(21, 1_000, 300, written_by_lifetime=earlier)
    end = start.updated(parts(21, 1_000, total))
    assert (end.cache_write_tokens, end.written_by_lifetime) == (total, later)
