"""Everything a fleet counts is there exactly once: new series, resets, gaps and processes that export once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from otel_promptcache.mixin.config import MixinConfig, Temporality
from tests.stack.fleet import FIRST_TOKEN, LOST, MINHASH, REQUESTS, VARIANTS, Pod, fired, fleet_test, growing
from tests.stack.promtool import run

NOTHING = math.nan
LOST_IN_HOUR = "sum(job_template:promptcache_missed_savings:increase1h)"
REQUESTS_IN_HOUR = "sum(job_template:promptcache_requests:increase1h)"
DOLLARS_LOST, UNSTABLE = "PromptCacheDollarsLost", "PromptCachePrefixUnstable"


def check(promtool: str, folder: Path, pods: list[Pod], at_minute: int, expected: dict[str, float]) -> None:
    run(promtool, folder, MixinConfig(), [fleet_test(pods, expected, at_minute)])


def test_a_dollar_that_each_of_fifty_pods_loses_is_there_and_alerts(promtool: str, tmp_path: Path) -> None:
    pods = [Pod(f"pod-{n}", n, {REQUESTS: growing(3, 1, 90), LOST: growing(1, 0, 90)}) for n in range(1, 51)]
    expected = {LOST_IN_HOUR: 50, REQUESTS_IN_HOUR: sum(3 + 59 - n for n in range(1, 51))}
    check(promtool, tmp_path, pods, 59, {**expected, fired(DOLLARS_LOST, 59): 1})


def test_what_all_pods_lose_in_the_minute_they_start_is_there(promtool: str, tmp_path: Path) -> None:
    pods = [Pod(f"pod-{n}", 0, {REQUESTS: growing(1, 1, 60), LOST: growing(1, 0, 60)}) for n in range(50)]
    check(promtool, tmp_path, pods, 59, {LOST_IN_HOUR: 50, fired(DOLLARS_LOST, 59): NOTHING})


def test_the_first_miss_of_a_process_that_has_long_been_there_counts(promtool: str, tmp_path: Path) -> None:
    pods = [Pod("a", 0, {REQUESTS: growing(1, 1, 300), LOST: "_x239 2+0x60"})]
    check(promtool, tmp_path, pods, 250, {LOST_IN_HOUR: 2, REQUESTS_IN_HOUR: 60})


def test_processes_that_export_once_count_in_full(promtool: str, tmp_path: Path) -> None:
    pods = [Pod(f"job-{n}", n, {REQUESTS: "5", LOST: "0.25"}) for n in range(1, 41)]
    check(promtool, tmp_path, pods, 55, {LOST_IN_HOUR: 10, REQUESTS_IN_HOUR: 200})


@pytest.mark.parametrize(
    ("lost", "total"),
    [
        ("1+0.5x20 0.5+0.5x30", 11 + 15.5),  # immediately
        ("1+0.5x20 _x15 0.5+0.5x20", 11 + 10.5),  # after a quarter of an hour
        ("1+0.5x20 _x15 11+0x20", 11),  # only scrapes are missing, nothing was counted
        ("1+0.5x20 _x15 14+0x20", 14),  # ... and what was counted meanwhile is there after the gap
    ],
    ids=["restart", "restart with a pause", "gap", "gap with traffic"],
)
def test_a_restart_adds_nothing_twice_and_a_gap_is_no_birth(
    lost: str, total: float, promtool: str, tmp_path: Path
) -> None:
    pods = [Pod("a", 2, {REQUESTS: lost, LOST: lost})]
    check(promtool, tmp_path, pods, 58, {LOST_IN_HOUR: total, REQUESTS_IN_HOUR: total})


def test_a_pod_that_takes_the_place_of_another_adds_what_it_counts_itself(
    promtool: str, tmp_path: Path
) -> None:
    pods = [
        Pod("a", 0, {REQUESTS: growing(1, 1, 20), LOST: growing(1, 1, 20)}),
        Pod("b", 18, {REQUESTS: growing(1, 1, 30), LOST: growing(1, 1, 30)}),
    ]
    check(promtool, tmp_path, pods, 50, {LOST_IN_HOUR: 21 + 31, REQUESTS_IN_HOUR: 21 + 31})


@pytest.mark.parametrize(("hours", "counted"), [(3, 10), (20, 10), (26, 210)])
def test_a_long_gap_is_no_birth_until_the_process_is_forgotten(
    hours: int, counted: int, promtool: str, tmp_path: Path
) -> None:
    values = f"100+1x30 _x{hours * 60} 200+1x30"
    pods = [Pod("a", 0, {REQUESTS: values, LOST: values})]
    at = 31 + hours * 60 + 10
    check(promtool, tmp_path, pods, at, {LOST_IN_HOUR: counted})


def test_a_sum_of_dollars_that_is_less_by_a_rounding_error_was_not_reset(
    promtool: str, tmp_path: Path
) -> None:
    lost = "7.000000000000001 7 7.000000000000001 7 7"
    pods = [Pod("a", 0, {REQUESTS: growing(1, 1, 5), LOST: lost})]
    check(promtool, tmp_path, pods, 5, {f"round({LOST_IN_HOUR}, 0.001)": 7})


MINUTES = 90
BUSY, QUIET = 4.0, 4 / 60
"""Requests per minute of each of fifty pods: 12,000 an hour in total, or 200."""


def serving(instance: str, start: int, hashes: str, variants: str, per_minute: float) -> Pod:
    """A pod with steady traffic, the smallest hash of its variants, and how many it has seen."""
    series = {REQUESTS: growing(per_minute, per_minute, MINUTES), VARIANTS: variants, MINHASH: hashes}
    return Pod(instance, start, series)


def unstable(promtool: str, folder: Path, pods: list[Pod], *, is_expected: bool) -> None:
    is_firing = {fired(UNSTABLE, MINUTES): 1 if is_expected else NOTHING}
    check(promtool, folder, pods, MINUTES, is_firing)


def one_variant_each(hashes: list[int], *, per_minute: float, starts_within: int = 1) -> list[Pod]:
    return [
        serving(f"pod-{n}", 1 + n % starts_within, f"{value}+0x{MINUTES}", f"1+0x{MINUTES}", per_minute)
        for n, value in enumerate(hashes)
    ]


@pytest.mark.parametrize("per_minute", [BUSY, QUIET])
def test_fifty_pods_with_an_order_each_are_unstable(per_minute: float, promtool: str, tmp_path: Path) -> None:
    hashes = [4_000_000 + 7_919 * n for n in range(50)]
    unstable(promtool, tmp_path, one_variant_each(hashes, per_minute=per_minute), is_expected=True)


@pytest.mark.parametrize("per_minute", [BUSY, QUIET])
@pytest.mark.parametrize("starts_within", [1, 40])
def test_fifty_pods_that_roll_out_one_variant_are_not(
    starts_within: int, per_minute: float, promtool: str, tmp_path: Path
) -> None:
    pods = one_variant_each([4_242_424] * 50, per_minute=per_minute, starts_within=starts_within)
    unstable(promtool, tmp_path, pods, is_expected=False)


@pytest.mark.parametrize("per_minute", [BUSY, QUIET])
def test_a_rolling_deploy_with_two_variants_is_not(per_minute: float, promtool: str, tmp_path: Path) -> None:
    old = one_variant_each([1_111_111] * 50, per_minute=per_minute)
    new = [
        serving(f"new-{n}", 30 + n // 2, f"3333333+0x{MINUTES}", f"1+0x{MINUTES}", per_minute)
        for n in range(50)
    ]
    unstable(promtool, tmp_path, [*old, *new], is_expected=False)


def test_three_versions_beside_each_other_are_not(promtool: str, tmp_path: Path) -> None:
    pods = one_variant_each([1, 2, 3] * 2, per_minute=BUSY)
    unstable(promtool, tmp_path, pods, is_expected=False)


def test_a_few_stable_variants_that_every_pod_serves_are_not(promtool: str, tmp_path: Path) -> None:
    pods = [serving(f"pod-{n}", 1, f"77+0x{MINUTES}", f"1 3 6+0x{MINUTES}", QUIET) for n in range(50)]
    unstable(promtool, tmp_path, pods, is_expected=False)


def test_one_pod_whose_variants_keep_coming_is_unstable_beside_many_that_are_sound(
    promtool: str, tmp_path: Path
) -> None:
    sound = one_variant_each([9] * 50, per_minute=1)
    hashes = " ".join(str(1_000 + 17 * n % 60) for n in range(MINUTES))
    broken = serving("broken", 1, hashes, growing(7, 7, MINUTES), 7)
    unstable(promtool, tmp_path, [*sound, broken], is_expected=True)


def test_variants_that_keep_coming_in_few_quiet_pods_are_unstable(promtool: str, tmp_path: Path) -> None:
    pods = [serving(f"pod-{n}", 1, f"{n}+0x{MINUTES}", growing(0.2, 0.2, MINUTES), 0.4) for n in range(3)]
    unstable(promtool, tmp_path, pods, is_expected=True)
    new_in_hour = "round(job_template:promptcache_prefix_variants:increase1h)"
    labels = {f"sum({new_in_hour})": 36}
    check(promtool, tmp_path, pods, MINUTES, labels)


def test_without_hashes_the_process_with_most_variants_is_judged(promtool: str, tmp_path: Path) -> None:
    def pods(count: int, variants: str) -> list[Pod]:
        return [
            Pod(f"pod-{n}", 1, {REQUESTS: growing(4, 4, MINUTES), VARIANTS: variants}) for n in range(count)
        ]

    unstable(promtool, tmp_path, pods(50, f"1+0x{MINUTES}"), is_expected=False)
    unstable(promtool, tmp_path, pods(2, growing(4, 4, MINUTES)), is_expected=True)


def test_deltas_that_are_stored_as_they_come_add_up(promtool: str, tmp_path: Path) -> None:
    pods = [Pod(f"pod-{n}", n, {REQUESTS: "2 3 1", LOST: "0.5 _ 1"}) for n in range(1, 31)]
    config = MixinConfig(temporality=Temporality.DELTA)
    expected = {LOST_IN_HOUR: 45, REQUESTS_IN_HOUR: 180, fired(DOLLARS_LOST, 50): 1}
    run(promtool, tmp_path, config, [fleet_test(pods, expected, 50)])


@pytest.mark.parametrize("temporality", list(Temporality))
def test_exponential_histograms_count_from_their_first_value_too(
    temporality: Temporality, promtool: str, tmp_path: Path
) -> None:
    four, two = (f"{{{{schema:0 sum:{0.7 * n:g} count:{n} buckets:[{n}]}}}}" for n in (4, 2))
    if temporality is Temporality.CUMULATIVE:
        values = f"{four}+{two}x9 _x5 {two}+{two}x9"  # it is restarted
    else:
        values = f"{four} {two}x8 _x5 {two}x9"
    pods = [Pod(f"pod-{n}", n, {REQUESTS: growing(1, 1, 30), FIRST_TOKEN: values}) for n in range(1, 6)]
    hits = "histogram_count(sum_over_time(job_model:promptcache_hit_first_token_seconds:increase[1h]))"
    expected = {
        f"sum({hits})": 5 * (4 + 2 * 9 + 2 * 10),
        "sum(job_model:promptcache_hit_first_token_seconds:median1h > 0.5 < 1)": math.sqrt(0.5),
    }
    run(promtool, tmp_path, MixinConfig(temporality=temporality), [fleet_test(pods, expected, 50)])
