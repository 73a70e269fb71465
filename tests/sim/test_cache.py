from __future__ import annotations

import pytest

from otel_promptcache.sim.cache.boundaries import CachingOptions
from otel_promptcache.sim.cache.prompt import Message
from tests.sim.prompts import MIDDLE, NEW, OLD, Provider, mark, message

MINUTE, HOUR = 60.0, 3600.0
SYSTEM = message("developer", 9000, "system")
FIRST = (SYSTEM, message("user", 3000, "question"))
SECOND = (*FIRST, message("assistant", 1000, "answer"), message("user", 2000, "next question"))


def test_the_documented_example() -> None:
    provider = Provider()
    first = provider.ask(*FIRST)
    second = provider.ask(*SECOND)
    assert (first.input_tokens, first.cached_tokens, first.write_tokens) == (12_000, 0, 12_000)
    assert (second.input_tokens, second.cached_tokens, second.write_tokens) == (15_000, 12_000, 3_000)


def test_an_identical_request_reads_all_and_writes_nothing() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    again = provider.ask(*FIRST)
    assert (again.cached_tokens, again.write_tokens, again.uncached_tokens) == (12_000, 0, 0)


def test_there_is_no_fallback_to_a_shared_but_unmarked_prefix() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    assert provider.ask(SYSTEM, message("user", 3000, "another question")).cached_tokens == 0


def test_a_marker_after_the_shared_part_makes_it_reusable() -> None:
    provider = Provider()
    system = message("developer", 9000, "system", marker=mark())
    for session in range(3):
        read = provider.ask(system, message("user", 3000, f"session {session}"))
        assert read.cached_tokens == (8_999 if session else 0)


def test_a_switch_from_implicit_to_explicit_misses_what_was_written_before() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    marked = message("user", 3000, "question", marker=mark())
    read = provider.ask(SYSTEM, marked, options=CachingOptions(mode="explicit"))
    assert (read.cached_tokens, read.write_tokens) == (0, 11_999)


def test_extending_the_last_message_misses() -> None:
    provider = Provider()
    provider.ask(SYSTEM, message("user", 3000, "question"))
    assert provider.ask(SYSTEM, message("user", 3001, "question")).cached_tokens == 0


def test_a_change_early_in_the_prompt_misses_everything() -> None:
    provider = Provider()
    provider.ask(*SECOND)
    changed = (message("developer", 9000, "another system"), *SECOND[1:])
    assert provider.ask(*changed).cached_tokens == 0


def test_explicit_mode_without_markers_neither_reads_nor_writes() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    read = provider.ask(*FIRST, options=CachingOptions(mode="explicit"))
    assert (read.cached_tokens, read.write_tokens, read.reusable_position) == (0, 0, None)


@pytest.mark.parametrize("effort", ["low", "high"])
def test_a_hidden_setting_means_no_reuse(effort: str) -> None:
    provider = Provider()
    provider.ask(*FIRST)
    assert provider.ask(*FIRST, effort=effort).cached_tokens == 0


def test_written_tokens_are_split_by_lifetime() -> None:
    provider = Provider()
    system = message("developer", 9000, "system", marker=mark("12h"))
    read = provider.ask(system, message("user", 3000, "question"))
    assert read.write_tokens_by_ttl == {"30m": 3_001, "12h": 8_999}
    assert read.write_tokens == 12_000


@pytest.mark.parametrize(("idle", "cached"), [(30 * MINUTE, 12_000), (30 * MINUTE + 1, 0)])
def test_thirty_minutes_of_life(idle: float, cached: int) -> None:
    provider = Provider()
    provider.ask(*FIRST)
    provider.now_seconds += idle
    assert provider.ask(*FIRST).cached_tokens == cached


def test_reuse_starts_the_lifetime_anew() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    for _ in range(6):
        provider.now_seconds += 25 * MINUTE
        assert provider.ask(*FIRST).cached_tokens == 12_000


def test_reuse_of_a_long_prefix_keeps_the_shorter_ones_inside_it_alive() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    provider.ask(*SECOND)
    provider.now_seconds += 25 * MINUTE
    provider.ask(*SECOND)
    provider.now_seconds += 25 * MINUTE
    assert provider.ask(*FIRST).cached_tokens == 12_000


def test_twelve_hours_of_life() -> None:
    provider = Provider()
    options = CachingOptions(ttl="12h")
    provider.ask(*FIRST, options=options)
    provider.now_seconds += 11 * HOUR
    assert provider.ask(*FIRST, options=options).cached_tokens == 12_000
    provider.now_seconds += 12 * HOUR + 1
    assert provider.ask(*FIRST, options=options).cached_tokens == 0


def test_a_shorter_ttl_does_not_shorten_a_life() -> None:
    provider = Provider()
    provider.ask(*FIRST, options=CachingOptions(ttl="12h"))
    provider.ask(*FIRST, options=CachingOptions(ttl="30m"))
    provider.now_seconds += 5 * HOUR
    assert provider.ask(*FIRST).cached_tokens == 12_000


def test_the_key_partitions_from_5_6_on() -> None:
    provider = Provider()
    provider.ask(*FIRST, key="a")
    assert provider.ask(*FIRST, key="b").cached_tokens == 0
    assert provider.ask(*FIRST).cached_tokens == 0
    assert provider.ask(*FIRST, key="a").cached_tokens == 12_000


def test_the_key_only_routes_before() -> None:
    same_machine = Provider(OLD, machines=1)
    same_machine.ask(*FIRST, key="a")
    assert same_machine.ask(*FIRST, key="b").cached_tokens > 0
    many_machines = Provider(OLD, machines=1000)
    many_machines.ask(*FIRST, key="a")
    assert many_machines.ask(*FIRST, key="b").cached_tokens == 0


@pytest.mark.parametrize(
    "change", [{"organization": "other"}, {"service_tier": "priority"}, {"model": "other"}]
)
@pytest.mark.parametrize("model", [NEW, OLD])
def test_organization_tier_and_model_partition(model: str, change: dict[str, str]) -> None:
    provider = Provider(model)
    provider.ask(*FIRST)
    assert provider.ask(*FIRST, scope=provider.scope._replace(**change)).cached_tokens == 0


def test_old_models_report_steps_of_128_and_charge_no_writes() -> None:
    provider = Provider(OLD)
    first, second = provider.ask(*FIRST), provider.ask(*SECOND)
    assert first.write_tokens == second.write_tokens == 0
    assert second.cached_tokens % 128 == 0
    assert second.cached_tokens == 12_000 - 12_000 % 128


def test_old_models_reuse_a_shared_prefix_without_any_marker() -> None:
    provider = Provider(OLD)
    provider.ask(*FIRST)
    read = provider.ask(SYSTEM, message("user", 3000, "another question"))
    assert read.cached_tokens == 9_000 - 9_000 % 128


def test_the_example_of_the_first_guide() -> None:
    provider = Provider(OLD)
    provider.ask(message("user", 2_006))
    assert provider.ask(message("user", 2_006)).cached_tokens == 1_920


def test_gpt_5_5_caches_in_steps_of_2048_less_the_hidden_tokens() -> None:
    provider = Provider(MIDDLE)
    provider.ask(*FIRST)
    assert provider.ask(*SECOND).cached_tokens == 5 * 2048 - 128


@pytest.mark.parametrize(
    ("model", "idle", "hit"), [(MIDDLE, 30, True), (MIDDLE, 31, False), (OLD, 23 * 60, True)]
)
def test_lifetimes_of_older_models(model: str, idle: float, hit: bool) -> None:
    provider = Provider(model)
    provider.ask(*FIRST)
    provider.now_seconds += idle * MINUTE
    assert (provider.ask(*FIRST).cached_tokens > 0) is hit


def test_in_memory_retention_is_five_minutes_idle_and_an_hour_at_most() -> None:
    provider = Provider(OLD)
    options = CachingOptions(retention="in_memory")
    provider.ask(*FIRST, options=options)
    hits: list[bool] = []
    for _ in range(16):
        provider.now_seconds += 4 * MINUTE
        hits.append(provider.ask(*FIRST, options=options).cached_tokens > 0)
    assert hits == [True] * 15 + [False]
    provider.now_seconds += 5 * MINUTE + 1
    assert provider.ask(*FIRST, options=options).cached_tokens == 0


def test_zero_data_retention_makes_in_memory_the_default() -> None:
    provider = Provider(OLD, zero_data_retention=True)
    provider.ask(*FIRST)
    provider.now_seconds += 6 * MINUTE
    assert provider.ask(*FIRST).cached_tokens == 0


def test_models_without_caching_read_and_write_nothing() -> None:
    provider = Provider("gpt-4")
    provider.ask(*FIRST)
    read = provider.ask(*FIRST)
    assert (read.cached_tokens, read.write_tokens) == (0, 0)


@pytest.mark.parametrize("model", [NEW, OLD])
def test_prompts_under_the_minimum_are_not_cached(model: str) -> None:
    provider = Provider(model)
    short = message("user", 1000)
    provider.ask(short)
    assert provider.ask(short).cached_tokens == 0
    assert len(provider.cache) == 0


def test_two_requests_in_flight_both_miss() -> None:
    provider = Provider()
    reads = [provider.ask(*FIRST, write=False) for _ in range(2)]
    assert [read.cached_tokens for read in reads] == [0, 0]
    for read in reads:
        provider.cache.write(read, provider.now_seconds)
    assert provider.ask(*FIRST).cached_tokens == 12_000


def test_a_warm_up_lag_delays_the_first_hit_and_is_not_prolonged_by_traffic() -> None:
    provider = Provider(warm_up_seconds=10)
    cached: list[int] = []
    for _ in range(4):
        cached.append(provider.ask(*FIRST).cached_tokens)
        provider.now_seconds += 4
    assert cached == [0, 0, 0, 12_000]


def test_an_unexplained_miss_pays_for_writing_again_and_leaves_the_entry() -> None:
    provider = Provider()
    provider.ask(*FIRST)
    missed = provider.ask(*FIRST, miss=True)
    assert (missed.cached_tokens, missed.write_tokens) == (0, 12_000)
    assert provider.ask(*FIRST).cached_tokens == 12_000


def test_unexplained_misses_come_at_the_configured_rate_and_repeat_with_the_seed() -> None:
    def misses(seed: int) -> list[bool]:
        provider = Provider(unexplained_miss_rate=0.3, seed=seed)
        provider.ask(*FIRST)
        return [provider.ask(*FIRST).cached_tokens == 0 for _ in range(200)]

    assert misses(1) == misses(1) != misses(2)
    assert 30 < sum(misses(1)) < 90


def test_eviction_by_organization() -> None:
    provider = Provider()
    other = provider.scope._replace(organization="other")
    provider.ask(*FIRST)
    provider.ask(*FIRST, scope=other)
    assert provider.cache.evict("org") == 1
    assert provider.ask(*FIRST, write=False).cached_tokens == 0
    assert provider.ask(*FIRST, scope=other).cached_tokens == 12_000
    assert provider.cache.evict() == 1


def test_the_least_recently_used_entries_go_first() -> None:
    provider = Provider(max_entries=2)
    one, two, three = ((message("user", 2000, seed),) for seed in "abc")
    provider.ask(*one)
    provider.ask(*two)
    provider.ask(*one)
    provider.ask(*three)
    assert len(provider.cache) == 2
    assert [provider.ask(*each, write=False).cached_tokens for each in (one, two, three)] == [2000, 0, 2000]


def test_a_clear_cache_is_a_new_cache() -> None:
    provider = Provider(overflow_requests_per_minute=1)
    provider.ask(*FIRST)
    provider.cache.clear()
    read = provider.ask(*FIRST)
    assert read.cached_tokens == 0
    provider.cache.clear()
    assert provider.ask(*FIRST).machine == read.machine


def test_a_clear_cache_has_the_same_misses_to_come() -> None:
    provider = Provider(unexplained_miss_rate=0.5)
    runs: list[list[int]] = []
    for _ in range(2):
        provider.cache.clear()
        runs.append([provider.ask(*FIRST).cached_tokens for _ in range(20)])
    assert runs[0] == runs[1]


def test_traffic_above_the_rate_spills_to_a_cold_machine_once() -> None:
    provider = Provider(overflow_requests_per_minute=15)
    reads = [provider.ask(*FIRST) for _ in range(31)]
    assert [index for index, read in enumerate(reads) if read.cached_tokens == 0] == [0, 15, 30]
    assert len({read.machine for read in reads}) == 3
    provider.now_seconds += MINUTE
    assert provider.ask(*FIRST).machine == reads[0].machine


def test_the_rate_is_counted_for_all_prompts_of_a_key() -> None:
    provider = Provider(overflow_requests_per_minute=15)
    prompts: list[Message] = [message("user", 2000, index) for index in range(16)]
    for prompt in prompts:
        provider.ask(prompt, key="k")
    keyed = provider.ask(prompts[0], key="k").machine
    provider.now_seconds += MINUTE
    assert provider.ask(prompts[0], key="k").machine != keyed


def test_growing_lookback_breaks_a_chat_that_skips_more_than_twenty_messages() -> None:
    provider = Provider()
    turns = [message("user", 2000, index) for index in range(40)]
    provider.ask(*turns[:10])
    assert provider.ask(*turns[:30], write=False).cached_tokens == 20_000
    assert provider.ask(*turns[:31], write=False).cached_tokens == 0
