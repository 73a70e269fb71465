"""Judging several processes together: rates, concurrent first requests, and orders that differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_promptcache.report.reading.merged import InFlight, merge
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import build_report
from tests.report.calls import START, call, findings, miss


def of(process: int, second: float, reason: str | None = None, **fields: Any) -> CallRecord:
    """A call of a process with the start that all share, long enough to be cached."""
    rules = {"is_start_cacheable": True, "lifetime_seconds": 300.0, "max_requests_per_minute": 15.0}
    usual = {"process": process, "start": "s", **rules, **fields}
    return miss(second, reason, **usual) if reason else call(second, **usual)


def reasons(*calls: CallRecord) -> list[str | None]:
    return [each.reason for each in merge(sorted(calls, key=lambda each: each.started_seconds))]


def flood(processes: int, per_process: int, reason: str = "provider") -> list[CallRecord]:
    """A first request, then many from all processes within a minute."""
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


def test_a_rate_that_nobody_has_published_is_not_exceeded() -> None:
    calls = [replace(each, max_requests_per_minute=None) for each in flood(8, 12)]
    assert set(reasons(*calls)) == {None, "provider"}


def test_a_prefix_that_another_process_is_just_writing_can_not_be_read() -> None:
    corrected = merge([of(0, 0, "cold_start"), of(1, 0.2, "cold_start")])
    assert [each.reason for each in corrected] == ["cold_start", "concurrent"]
    assert (corrected[1].missed_tokens, corrected[1].missed_usd) == (None, None)


@pytest.mark.parametrize("fields", [{"is_start_cacheable": False}, {"start": "other"}, {"start": None}])
def test_what_could_not_be_read_anyway_is_not_concurrent(fields: dict[str, Any]) -> None:
    assert reasons(of(0, 0, "cold_start"), of(1, 0.2, "cold_start", **fields)) == ["cold_start"] * 2


def test_what_a_process_has_in_flight_itself_it_knows() -> None:
    assert reasons(of(0, 0, "cold_start"), of(0, 0.2, "cold_start"), of(1, 9)) == ["cold_start"] * 2 + [None]


@pytest.mark.parametrize("lifetime_seconds", [300.0, 86_400.0, None])
def test_what_a_process_had_processed_before_is_not_being_written(lifetime_seconds: float | None) -> None:
    """Its process knows that it has not expired, even if the line about that was lost or states no lifetime."""
    before = of(1, 0, lifetime_seconds=lifetime_seconds)
    assert reasons(before, of(0, 1_000, "expired"), of(1, 1_000.2, "provider"))[1:] == ["expired", "provider"]
    assert reasons(of(0, 1_000, "expired"), of(1, 1_000.2, "provider")) == ["expired", "provider"]


@pytest.mark.parametrize(
    ("processed_seconds", "told"), [(0.3, "provider"), (None, "concurrent"), (99.0, "concurrent")]
)
def test_a_stream_can_be_read_from_its_first_token_on(processed_seconds: float | None, told: str) -> None:
    stream = of(0, 0, "cold_start", processed_seconds=processed_seconds, ended_seconds=START + 60)
    assert reasons(stream, of(1, 0.2, "cold_start"), of(2, 0.4, "cold_start"))[1:] == ["concurrent", told]
    assert reasons(stream, of(1, 60.0, "cold_start"))[1:] == ["provider"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "provider"),
        ({"is_start_cacheable": False}, "cold_start"),
        ({"start": "other"}, "cold_start"),
    ],
)
def test_what_another_process_has_warmed_is_no_cold_start(fields: dict[str, Any], told: str) -> None:
    first, second = of(0, 0, "cold_start"), of(1, 10, "cold_start", missed_tokens=0, **fields)
    corrected = merge([first, second])
    assert [each.reason for each in corrected] == ["cold_start", told]
    assert corrected[1].missed_tokens == (None if told == "provider" else 0)


@pytest.mark.parametrize(
    ("lifetime_seconds", "told"), [(300.0, "cold_start"), (86_400.0, "provider"), (None, "cold_start")]
)
def test_a_prefix_lives_as_long_as_the_request_and_the_rules_of_its_process_say(
    lifetime_seconds: float | None, told: str
) -> None:
    first = of(0, 0, "cold_start", lifetime_seconds=lifetime_seconds)
    assert reasons(first, of(1, 1_000, "cold_start")) == ["cold_start", told]
    # A later request that asks for less does not shorten its lifetime.
    assert reasons(first, of(0, 10), of(1, 1_000, "cold_start")) == ["cold_start", None, told]
    lapsed = reasons(first, of(0, 1_000, "expired"), of(1, 1_000.2, "cold_start"))
    assert lapsed[2] == ("provider" if told == "provider" else "concurrent")


def test_the_word_of_the_provider_stands() -> None:
    said = [replace(each, source="provider") for each in flood(8, 12)]
    assert merge(said) == said
    at_once = [of(0, 0, "cold_start"), of(1, 0.2, "cold_start", source="provider")]
    assert merge(at_once) == at_once


def test_cold_starts_of_many_processes_above_the_rate_are_overflow() -> None:
    calls = [of(number, 1 + number / 10, "cold_start") for number in range(30)]
    told = reasons(of(99, 0), *calls)
    assert (told[1], told[-1]) == ("provider", "rate_overflow")


def alone(process: int, second: float, told: str) -> CallRecord:
    """A call that its process cannot judge, with the fields of what it would have said on its own."""
    fields = {"provider": {"expected_tokens": 1_800}, "expired": {"expected_tokens": 0}}.get(told)
    return of(process, second, "unseen", **({"missed_tokens": None} if fields is None else fields))


@pytest.mark.parametrize(
    ("told", "others", "is_cacheable", "reason"),
    [
        ("provider", [], True, "provider"),
        ("provider", [of(2, 95)] * 15, True, "rate_overflow"),
        ("expired", [], True, "expired"),
        ("expired", [of(2, 50)], True, "provider"),
        ("expired", [of(2, 95)] * 15, True, "rate_overflow"),
        ("expired", [of(2, 50)], False, "unseen"),  # others may have sent less than what expired
        ("cold_start", [], True, "cold_start"),
        ("cold_start", [of(2, 50)], True, "provider"),
        ("cold_start", [of(2, 50)], False, "unseen"),
    ],
)
def test_a_run_of_many_says_what_one_could_not(
    told: str, others: list[CallRecord], is_cacheable: bool, reason: str
) -> None:
    last = replace(alone(1, 100, told), is_start_cacheable=is_cacheable)
    assert reasons(of(0, -1_000), *others, last)[-1] == reason


def test_what_others_were_just_writing_is_concurrent_and_not_unseen() -> None:
    corrected = merge([of(0, -1_000), of(0, 0), alone(1, 0.2, "expired")])
    assert [each.reason for each in corrected] == [None, None, "concurrent"]
    assert (corrected[-1].reason_in_process, corrected[-1].missed_tokens) == ("unseen", 1_800)


def test_other_reasons_and_unknown_starts_are_left_as_they_are() -> None:
    calls = flood(4, 20, "input_changed") + [
        of(1, 52 + number / 100, "provider", start=None) for number in range(30)
    ]
    assert set(reasons(*calls)) == {None, "input_changed", "provider"}


def test_one_process_knows_all_of_it() -> None:
    calls = [of(0, number, "provider") for number in range(40)]
    assert merge(calls) == calls


def test_the_report_is_about_the_corrected_reasons() -> None:
    report = build_report(flood(8, 12))
    assert report.corrected == 82
    assert {loss.reason for loss in report.losses} == {"provider", "rate_overflow"}
    assert "rate-overflow" in {finding.rule.id for finding in report.findings}


class Unwalked(dict[int, int]):
    """Counts that must not be iterated: there is one for each process."""

    def values(self) -> Any:
        raise AssertionError

    __iter__ = items = values


def test_how_many_requests_are_in_flight_is_not_counted_anew() -> None:
    in_flight = InFlight(Unwalked())
    for process in (0, 0, 1, 2):
        in_flight.begin(process)
    assert [in_flight.of_others(process) for process in range(4)] == [2, 3, 3, 4]
    in_flight.end(0)
    in_flight.end(2)
    assert [in_flight.of_others(process) for process in range(4)] == [1, 1, 2, 2]


def ordered(process: int, second: float, leading: str, **fields: Any) -> CallRecord:
    """A call whose tools and instructions begin alike in all orders."""
    usual = {"digest": "same head", "leading": leading, "parts": "p", **fields}
    return of(process, second, usual.pop("reason", None), **usual)


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
    assert "4 processes sent the same parts in 4 different orders" in finding.evidence


@pytest.mark.parametrize(
    "calls",
    [
        [ordered(process, process, "d") for process in range(4)],
        [ordered(0, number, f"d{number}") for number in range(4)],
        [ordered(number % 2, number, f"d{number}") for number in range(4)],
        [of(process, process, leading=f"d{process}") for process in range(4)],
    ],
    ids=["one order", "one process", "within a process, too", "not known"],
)
def test_what_is_no_order_of_each_process(calls: list[CallRecord]) -> None:
    assert "order-differs-between-processes" not in findings(*calls)
