"""What several processes did together: rates, first requests at once, and orders that differ."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from otel_promptcache.report.reading.merged import merge
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import build_report
from tests.report.calls import call, findings, miss


def of(process: int, second: float, reason: str | None = None, **fields: Any) -> CallRecord:
    """A call of a process with the start that all have."""
    usual = {"process": process, "start": "s", **fields}
    return miss(second, reason, **usual) if reason else call(second, **usual)


def reasons(*calls: CallRecord) -> list[str | None]:
    return [each.reason for each in merge(sorted(calls, key=lambda each: each.started_seconds))]


def flood(processes: int, per_process: int, reason: str = "provider") -> list[CallRecord]:
    """A first request, and then many of all processes within a minute."""
    count = processes * per_process
    return [of(0, 0), *(of(number % processes, 1 + number * 50 / count, reason) for number in range(count))]


def test_the_rate_is_that_of_all_processes() -> None:
    corrected = merge(flood(8, 12))
    told = [each.reason for each in corrected[1:]]
    assert told[:14] == ["provider"] * 14
    assert set(told[15:]) == {"rate_overflow"}
    assert {each.reason_in_process for each in corrected[15:]} == {"provider"}
    assert all(each.missed_tokens == 1_800 for each in corrected if each.reason == "rate_overflow")


def test_a_low_rate_of_many_processes_is_no_overflow() -> None:
    calls = [of(number, number * 10, "provider") for number in range(8)]
    assert set(reasons(of(0, 0), *calls)) == {None, "provider"}


def test_starts_and_scopes_are_counted_by_themselves() -> None:
    calls = [of(number % 8, number / 10, "provider", start=f"s{number % 8}") for number in range(80)]
    firsts = [of(9, -10, start=f"s{number}") for number in range(8)]
    assert set(reasons(*firsts, *calls)) == {None, "provider"}


@pytest.mark.parametrize("reason", ["cold_start", "provider"])
def test_a_prefix_that_another_process_is_just_writing_can_not_be_read(reason: str) -> None:
    first = of(0, 0, "cold_start")
    second = of(1, 0.2, reason)
    corrected = merge([first, second])
    assert [each.reason for each in corrected] == ["cold_start", "concurrent"]
    assert corrected[1].missed_tokens == (None if reason == "cold_start" else 1_800)


def test_it_is_readable_once_any_process_has_it() -> None:
    assert reasons(of(0, -10), of(0, 0), of(1, 0.2, "provider")) == [None, None, "provider"]
    lapsed = reasons(of(0, -1_000), of(0, 0, "expired"), of(1, 0.2, "provider"))
    assert lapsed == [None, "expired", "concurrent"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"leading_chars": 9_000}, "provider"),
        ({"leading_chars": 3_000}, "cold_start"),
        ({"leading_chars": None}, "cold_start"),
        ({"leading_chars": 9_000, "model": "gpt-5.6"}, "cold_start"),  # nobody knows where a breakpoint is
        ({"leading_chars": 9_000, "start": "other"}, "cold_start"),
    ],
)
def test_what_another_process_has_warmed_is_no_cold_start(fields: dict[str, Any], told: str) -> None:
    first, second = of(0, 0, "cold_start"), of(1, 10, "cold_start", missed_tokens=0, **fields)
    corrected = merge([first, second])
    assert [each.reason for each in corrected] == ["cold_start", told]
    assert corrected[1].missed_tokens == (None if told == "provider" else 0)
    late = of(1, 1_000, "cold_start", **fields)
    assert reasons(first, late) == ["cold_start", "cold_start"]


def test_cold_starts_of_many_processes_above_the_rate_are_overflow() -> None:
    calls = [of(number, 1 + number / 10, "cold_start", leading_chars=9_000) for number in range(30)]
    told = reasons(of(99, 0), *calls)
    assert (told[1], told[-1]) == ("provider", "rate_overflow")


def test_other_reasons_and_unknown_starts_are_left_as_they_are() -> None:
    calls = flood(4, 20, "input_changed") + [
        of(1, 52 + number / 100, "provider", start=None) for number in range(30)
    ]
    assert set(reasons(*calls)) == {None, "input_changed", "provider"}


def test_one_process_knows_all_of_it() -> None:
    calls = [of(0, number, "provider") for number in range(40)]
    assert merge(calls) == calls


def test_what_failed_was_not_processed() -> None:
    calls = [of(number % 4, number / 10, "provider", error_type="APIError") for number in range(40)]
    assert set(reasons(*calls, of(5, 10, "provider"))) == {"provider"}


def test_the_report_is_about_the_corrected_reasons() -> None:
    report = build_report(flood(8, 12))
    assert report.corrected == 82
    assert {loss.reason for loss in report.losses} == {"provider", "rate_overflow"}
    assert "rate-overflow" in {finding.rule.id for finding in report.findings}


def test_work_follows_the_number_of_calls() -> None:
    chance = Random(1)  # noqa: S311  # a test has to be repeatable
    calls = sorted(
        (of(chance.randrange(50), chance.random() * 5_000, "provider", start=f"s{chance.randrange(20)}") for _ in range(20_000)),
        key=lambda each: each.started_seconds,
    )  # fmt: skip
    assert len(merge(calls)) == 20_000


def ordered(process: int, second: float, digest: str, **fields: Any) -> CallRecord:
    return of(process, second, fields.pop("reason", None), digest=digest, parts="p", **fields)


def test_an_order_of_each_process_is_found() -> None:
    calls = [
        each
        for process in range(4)
        for each in (
            ordered(
                process, process, f"d{process}", reason="cold_start", name=f"t{process}", missed_tokens=0
            ),
            *(
                ordered(process, process + turn / 10, f"d{process}", name=f"t{process}")
                for turn in range(1, 5)
            ),
        )
    ]
    finding = findings(*calls)["order-differs-between-processes"]
    assert (finding.requests, finding.template, finding.lost_tokens) == (20, None, 3 * 2_000)
    assert "4 processes sent the same parts in 4 orders" in finding.evidence


@pytest.mark.parametrize(
    "calls",
    [
        [ordered(process, process, "d") for process in range(4)],
        [ordered(0, number, f"d{number}") for number in range(4)],
        [ordered(number % 2, number, f"d{number}") for number in range(4)],
        [of(process, process, digest=f"d{process}") for process in range(4)],
    ],
    ids=["one order", "one process", "within a process, too", "not known"],
)
def test_what_is_no_order_of_each_process(calls: list[CallRecord]) -> None:
    assert "order-differs-between-processes" not in findings(*calls)
