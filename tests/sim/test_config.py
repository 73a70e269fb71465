from __future__ import annotations

import re
from typing import Any

import pytest

from otel_promptcache.sim import FAULTS, FaultRule, SimConfig
from otel_promptcache.sim.faults import FaultInjector, parse_faults


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("profile", "azure"),
        ("machines", 0),
        ("machines", True),
        ("overflow_requests_per_minute", 0),
        ("warm_up_seconds", -1),
        ("unexplained_miss_rate", 1.5),
        ("unexplained_miss_rate", -0.1),
        ("prefill_seconds_per_1k_tokens", -0.1),
        ("decode_seconds_per_token", float("nan")),
        ("slow_seconds", float("inf")),
        ("output_tokens", -1),
        ("reasoning_tokens", "many"),
        ("max_requests", 0),
        ("max_responses", 0),
        ("max_cache_entries", 0),
        ("diagnostics_retention_seconds", None),
        ("tier_downgrades", {"priority": "slow"}),
        ("tier_downgrades", {"fast": "default"}),
        ("faults", ("miss",)),
    ],
)
def test_a_bad_value_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"SimConfig.{field}={value!r}: must be ")):
        SimConfig(**{field: value})


def test_overflow_can_be_turned_off() -> None:
    assert SimConfig(overflow_requests_per_minute=None).overflow_requests_per_minute is None


def test_an_unknown_fault_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"unknown fault 'flood': must be one of miss, evict"):
        parse_faults("miss, flood")
    with pytest.raises(ValueError, match="unknown fault"):
        FaultRule("flood")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"FaultRule\.probability=2"):
        FaultRule("miss", 2)


def test_fault_names_are_separated_by_commas() -> None:
    assert parse_faults(" miss ,, gzip") == {"miss", "gzip"}
    assert parse_faults(",".join(FAULTS)) == set(FAULTS)


def test_faults_come_from_the_header_the_queue_and_by_chance() -> None:
    injector = FaultInjector([FaultRule("gzip")], seed=0)
    injector.queue(frozenset({"slow"}))
    assert injector.draw("miss") == {"gzip", "slow", "miss"}
    assert injector.draw("") == {"gzip"}


def test_chance_repeats_with_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        injector = FaultInjector([FaultRule("miss", 0.25)], seed)
        return ["miss" in injector.draw("") for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 25 < sum(struck(1)) < 75


def test_failing_once_alternates_for_each_request() -> None:
    injector = FaultInjector([], seed=0)
    assert [injector.is_first_time(b"a") for _ in range(4)] == [True, False, True, False]
    assert injector.is_first_time(b"b")
    injector.clear()
    assert injector.is_first_time(b"b")


def test_what_failed_once_is_remembered_within_bounds() -> None:
    injector = FaultInjector([], seed=0)
    for number in range(10_001):
        injector.is_first_time(number.to_bytes(4, "big"))
    assert len(injector._failed_once) == 10_000
