"""What the calls of a template add up to, and the numbers behind the plots."""

from __future__ import annotations

import pytest

from otel_promptcache.report.reading.series import losses, spread, timeline
from otel_promptcache.report.reading.summary import UNNAMED
from otel_promptcache.report.report import build_report
from tests.report.calls import START, call, miss

UNREPORTED = {
    "result": "unknown",
    "input_tokens": None,
    "read_tokens": None,
    "net_usd": None,
    "expected_tokens": None,
}


def test_a_row_adds_its_calls_up() -> None:
    (row,) = build_report([
        call(0, first_token_seconds=0.1),
        call(1, first_token_seconds=0.3, write_tokens=30),
        miss(2, first_token_seconds=0.9, model="gpt-4.1-mini"),
        call(3, **UNREPORTED),
        call(4, error_type="APIError", net_usd=9.0),
    ]).rows  # fmt: skip
    assert (row.template, row.models) == ("bot", ("gpt-4.1", "gpt-4.1-mini"))
    assert (row.requests, row.failed, row.answered) == (5, 1, 4)
    assert row.results == {"hit": 2, "miss": 1, "unknown": 1}
    assert (row.read_tokens, row.write_tokens, row.uncached_tokens) == (3840, 30, 80 + 50 + 2000)
    assert row.hit_ratio == 3840 / 6000
    assert (row.net_usd, row.lost_usd, row.lost_tokens) == (0.006, 0.002, 1800)
    assert row.unknown_share == 0.25
    assert (row.hit_seconds, row.miss_seconds) == (0.2, 0.9)
    assert row.unpriced == 0


def test_what_is_not_known_is_none_and_not_zero() -> None:
    (row,) = build_report([call(0, **UNREPORTED, name=None, fingerprint=None)]).rows
    assert row.template == UNNAMED
    assert [row.read_tokens, row.write_tokens, row.uncached_tokens, row.hit_ratio] == [None] * 4
    assert [row.net_usd, row.lost_usd, row.lost_tokens, row.hit_seconds, row.miss_seconds] == [None] * 5
    (failed,) = build_report([call(0, error_type="APIError")]).rows
    assert failed.unknown_share is None


def test_nothing_lost_is_zero_where_it_was_diagnosed_and_priced() -> None:
    assert build_report([call(0)]).total.lost_usd == 0
    assert build_report([call(0, expected_tokens=None)]).total.lost_usd is None
    assert build_report([call(0, net_usd=None)]).total.lost_usd is None
    assert build_report([call(0, net_usd=None)]).total.unpriced == 1


def test_parts_that_do_not_fit_are_not_negative() -> None:
    assert build_report([call(0, input_tokens=10, read_tokens=5, write_tokens=9)]).total.uncached_tokens == 0


def test_templates_come_by_requests_and_the_total_has_no_times() -> None:
    report = build_report([call(n, name=name, first_token_seconds=1.0) for n, name in enumerate("abbcbc")])
    assert [row.template for row in report.rows] == ["b", "c", "a"]
    assert report.total.requests == 6
    assert report.total.hit_seconds is None
    assert report.rows[0].hit_seconds == 1.0
    assert [one.template for one in report.first_tokens] == ["b", "c", "a"]


def test_the_order_in_which_calls_are_read_does_not_matter() -> None:
    calls = [call(n, name=f"t{n % 3}") for n in range(9)]
    assert build_report(calls) == build_report(reversed(calls))
    assert build_report(calls).started_seconds == START
    assert build_report(calls).duration_seconds == 8.5


def test_a_run_without_calls() -> None:
    report = build_report([])
    assert (report.started_seconds, report.duration_seconds, report.total.requests) == (None, 0.0, 0)
    assert not report.rows
    assert not report.findings
    assert not report.timeline.slices


@pytest.mark.parametrize(
    ("length_seconds", "count", "slice_seconds", "slices"),
    [(0, 5, 0.001, 1), (9, 10, 1, 10), (3599, 3600, 100, 36), (0.5, 2, 0.05, 11), (86_400, 400, 2000, 44)],
)
def test_a_run_is_cut_into_slices_of_round_length(
    length_seconds: float, count: int, slice_seconds: float, slices: int
) -> None:
    line = timeline([call(length_seconds * n / (count - 1)) for n in range(count)])
    assert line.slice_seconds == pytest.approx(slice_seconds)
    assert len(line.slices) == slices
    assert sum(part.requests for part in line.slices) == count
    assert sum(part.tokens for part in line.slices) == 2000 * count


def test_slices_without_calls_have_no_ratio() -> None:
    line = timeline([call(0), call(9), call(9, **UNREPORTED), miss(10)])
    ratios = [part.hit_ratio for part in line.slices]
    assert (ratios[0], ratios[4], ratios[9], ratios[10]) == (0.96, None, 0.96, 0)


def test_times_spread() -> None:
    assert spread([None]) is None
    once = spread([None, 2.0])
    assert once is not None
    assert (once.count, once.low_seconds, once.median_seconds, once.high_seconds) == (1, 2.0, 2.0, 2.0)
    many = spread(float(n) for n in range(101))
    assert many is not None
    assert (many.count, many.low_seconds, many.median_seconds, many.high_seconds) == (101, 10.0, 50.0, 90.0)


def test_losses_by_reason() -> None:
    lost = losses([
        call(0),
        miss(1, "expired"),
        miss(2, "expired", missed_usd=None),
        miss(3, "provider", missed_usd=0.5),
        miss(4, "cold_start", missed_usd=None, missed_tokens=0),
        miss(5, "concurrent", missed_usd=None, missed_tokens=9),
        miss(6, "provider", error_type="APIError"),
    ])  # fmt: skip
    assert [(one.reason, one.requests, one.lost_tokens, one.lost_usd) for one in lost] == [
        ("provider", 1, 1800, 0.5), ("expired", 2, 3600, 0.002), ("concurrent", 1, 9, None),
    ]  # fmt: skip
