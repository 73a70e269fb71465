"""For every finding: the flaw triggers it, and the advice, followed as a person would, removes the loss."""

from __future__ import annotations

import pytest

from otel_promptcache.report.catalogue import ALL_RULES
from otel_promptcache.report.report import Report
from otel_promptcache.report.rules.rule import Cause, Situation
from tests.e2e import test_fleet
from tests.findings.loop import App, Loop, report_of
from tests.findings.marks import FILLING_LOOP, HOUR_LOOPS, HOUR_PAYS, MARK_LOOPS, MISPLACED_LOOPS, SILENT_LOOP
from tests.findings.patterns import MEASUREMENT_LOOPS, PATTERN_LOOPS
from tests.findings.prompts import BREAKPOINT_LOOPS, NAMES, NEW_MODEL_LOOP, OTHER_TEMPLATE_LOOP, PROMPT_LOOPS
from tests.findings.setups import SETUP_LOOPS
from tests.findings.tools import TOOL_LOOPS
from tests.report import test_run_of_many
from tests.unit.prompts import user

MEASUREMENTS = {**MEASUREMENT_LOOPS, "usage-not-reported": SILENT_LOOP}
LOOPS = {**PROMPT_LOOPS, **TOOL_LOOPS, **SETUP_LOOPS, **PATTERN_LOOPS, **MARK_LOOPS}
ELSEWHERE = {
    "no-matching-breakpoint": "test_the_breakpoint_goes_where_the_advice_says",
    "cache-not-reported": "test_a_server_that_reports_cached_tokens_is_known",
    "no-price": "test_a_price_of_ones_own_is_known",
    "constant-read": "test_the_place_behind_a_constant_read_is_found_by_comparing",
    "unstable-prefix": "test_a_leading_part_that_is_always_the_same_is_stable",
    "other-reason": "test_a_reason_of_tomorrow_is_looked_up",
    "order-differs-between-processes": (
        "test_an_order_that_differs_from_process_to_process_is_told_and_its_remedy_works"
    ),
    "marker-misplaced": "test_the_marker_goes_where_the_advice_says",
    "hour-not-needed": "test_five_minutes_are_enough",
    "unseen": "test_what_one_process_cannot_say_it_says_with_the_memory",
}
"""Findings with their own test, below or among those of many processes."""


def ids(report: Report) -> list[str]:
    return [finding.rule.id for finding in report.findings if finding.rule.cause is not Cause.MEASUREMENT]


def lost_tokens(report: Report, rule_id: str) -> int:
    found = [finding for finding in report.findings if finding.rule.id == rule_id]
    return sum(finding.lost_tokens or 0 for finding in found)


@pytest.mark.parametrize("rule_id", LOOPS)
def test_the_advice_takes_the_loss_away(rule_id: str) -> None:
    loop = LOOPS[rule_id]
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    assert ids(before)[:1] == [rule_id], [
        (one.rule.id, one.path, one.kind, one.reason) for one in before.findings
    ]
    assert rule_id not in ids(after) or lost_tokens(after, rule_id) * 3 < lost_tokens(before, rule_id)
    assert (after.total.lost_tokens or 0) * 3 <= (before.total.lost_tokens or 0)
    if rule_id in (
        "writes-not-read",
        "marks-not-read",
    ):  # nothing can be read: the gain is the surcharge
        assert (before.total.net_usd or 0) < 0 == after.total.net_usd
    else:
        assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)


def test_every_finding_has_a_loop() -> None:
    assert {*LOOPS, *MEASUREMENTS, *ELSEWHERE} == {rule.id for rule in ALL_RULES}
    others = {*globals(), *vars(test_run_of_many), *vars(test_fleet)}
    assert set(ELSEWHERE.values()) <= others


@pytest.mark.parametrize(
    ("variant", "situation"),
    [
        ("the history grew", Situation.HISTORY_GREW),
        ("a message ends", Situation.MESSAGE_ENDS),
        ("inside a message", Situation.INSIDE_A_MESSAGE),
    ],
)
def test_the_breakpoint_goes_where_the_advice_says(variant: str, situation: Situation) -> None:
    loop = BREAKPOINT_LOOPS[variant]
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    finding = before.findings[0]
    assert (finding.rule.id, finding.situation) == ("no-matching-breakpoint", situation)
    assert "no-matching-breakpoint" not in ids(after)
    assert not after.total.lost_tokens
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)


@pytest.mark.parametrize("situation", MISPLACED_LOOPS)
def test_the_marker_goes_where_the_advice_says(situation: Situation) -> None:
    loop = MISPLACED_LOOPS[situation]
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    finding = before.findings[0]
    assert (finding.rule.id, finding.situation) == ("marker-misplaced", situation)
    assert "marker-misplaced" not in ids(after)
    assert not after.total.lost_tokens
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)


@pytest.mark.parametrize("case", HOUR_LOOPS)
def test_five_minutes_are_enough(case: str) -> None:
    loop = HOUR_LOOPS[case]
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    (finding,) = [one for one in before.findings if one.rule.id == "hour-not-needed"]
    assert "hour-not-needed" not in ids(after)
    gained_usd = (after.total.net_usd or 0) - (before.total.net_usd or 0)
    assert gained_usd == pytest.approx(finding.lost_usd, rel=0.01)
    assert gained_usd > 0


def test_an_hour_that_pays_is_left_alone() -> None:
    before, after = report_of(HOUR_PAYS.flawed, HOUR_PAYS), report_of(HOUR_PAYS.fixed, HOUR_PAYS)
    assert (after.total.net_usd or 0) > (before.total.net_usd or 0)
    assert "hour-not-needed" not in ids(after)


def test_a_request_without_output_fills_the_cache_for_the_others() -> None:
    before, after = (report_of(way, FILLING_LOOP) for way in (FILLING_LOOP.flawed, FILLING_LOOP.fixed))
    assert "`max_tokens` of 0 only fills the cache" in before.findings[0].advice
    assert "concurrent-writes" not in ids(after)
    assert (after.total.net_usd or 0) > (before.total.net_usd or 0)


def test_new_text_is_a_message_of_its_own_where_only_whole_messages_are_read() -> None:
    before, after = (report_of(way, NEW_MODEL_LOOP) for way in (NEW_MODEL_LOOP.flawed, NEW_MODEL_LOOP.fixed))
    assert before.findings[0].rule.id == "inserted-in-front"
    assert "in a separate message after a breakpoint" in before.findings[0].advice
    assert not after.total.lost_tokens
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)


def test_another_template_that_shares_text_is_said_to_be_so() -> None:
    before, after = (
        report_of(way, OTHER_TEMPLATE_LOOP) for way in (OTHER_TEMPLATE_LOOP.flawed, OTHER_TEMPLATE_LOOP.fixed)
    )
    assert "Another template shares this text" in {finding.title for finding in before.findings}
    assert "Another template shares this text" not in {finding.title for finding in after.findings}
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)


@pytest.mark.parametrize("rule_id", MEASUREMENTS)
def test_the_advice_makes_the_result_known(rule_id: str) -> None:
    loop = MEASUREMENTS[rule_id]
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    assert rule_id in {finding.rule.id for finding in before.findings}
    assert rule_id not in {finding.rule.id for finding in after.findings}
    assert (before.total.unknown_share, after.total.unknown_share) == (1.0, 0.0)
    assert before.total.hit_ratio is None
    assert after.total.hit_ratio


def test_a_server_that_reports_cached_tokens_is_known() -> None:
    loop = PATTERN_LOOPS["writes-not-read"]
    silent = Loop(flawed=loop.flawed, fixed=loop.fixed, config={"profile": "no_details"})
    assert "cache-not-reported" in {finding.rule.id for finding in report_of(silent.flawed, silent).findings}
    assert "cache-not-reported" not in {finding.rule.id for finding in report_of(loop.flawed, loop).findings}


def test_a_price_of_ones_own_is_known() -> None:
    def traffic(app: App) -> None:
        for name in NAMES:
            app.chat(app.rules(), user(f"Question of {name}?"), model="house-model")

    unpriced = Loop(flawed=traffic, fixed=traffic)
    priced = Loop(flawed=traffic, fixed=traffic, prices={"house-model": {"input": 1.0, "cache_read": 0.1}})
    before, after = (report_of(traffic, loop) for loop in (unpriced, priced))
    assert [finding.rule.id for finding in before.findings] == ["no-price"]
    assert (before.total.net_usd, after.findings) == (None, ())
    assert (after.total.net_usd or 0) > 0


def test_the_place_behind_a_constant_read_is_found_by_comparing() -> None:
    """It is found only if there is no diagnosis; with one, the finding about the place says more."""
    loop = PROMPT_LOOPS["history-inserted"]
    bare = report_of(loop.flawed, loop, without_diagnosis=True)
    assert "constant-read" in {finding.rule.id for finding in bare.findings}
    assert "constant-read" not in ids(report_of(loop.flawed, loop))
    fixed = report_of(loop.fixed, loop, without_diagnosis=True)
    assert "constant-read" not in {finding.rule.id for finding in fixed.findings}


def test_a_leading_part_that_is_always_the_same_is_stable() -> None:
    loop = PROMPT_LOOPS["time-in-front"]
    bare = report_of(loop.flawed, loop, without_diagnosis=True)
    assert "unstable-prefix" in {finding.rule.id for finding in bare.findings}
    fixed = report_of(loop.fixed, loop, without_diagnosis=True)
    assert "unstable-prefix" not in {finding.rule.id for finding in fixed.findings}


def test_a_reason_of_tomorrow_is_looked_up() -> None:
    loop = PROMPT_LOOPS["time-in-front"]
    tomorrow = report_of(loop.flawed, loop, reason="a_reason_of_tomorrow")
    assert tomorrow.findings[0].rule.id == "other-reason"
    assert "other-reason" not in ids(report_of(loop.flawed, loop))
