"""Amounts that are checked by hand: what Claude's entries would have saved, and no more than was processed again."""

from __future__ import annotations

import pytest

from otel_promptcache.report.report import Report
from tests.findings.loop import App, Loop, report_of
from tests.findings.marks import Traffic, marked, text, user
from tests.unit.prompts import Body, prose

SEARCH = {"name": "search", "input_schema": {"type": "object"}}


def report(traffic: Traffic) -> Report:
    return report_of(traffic, Loop(flawed=traffic, fixed=traffic))


def turns(*, alternates: bool) -> Traffic:
    def traffic(app: App) -> None:
        messages: list[Body] = []
        for turn in range(8):
            question = prose(1_400, f"question {turn}")
            choice = {"type": "any"} if alternates and turn % 2 else {"type": "auto"}
            app.message(
                *messages,
                user(marked(question)),
                system=[marked(prose(2_400, "rules"))],
                tools=[SEARCH],
                tool_choice=choice,
            )
            answer = {"role": "assistant", "content": [text(prose(200, f"answer {turn}"))]}
            messages += [user(text(question)), answer]

    return traffic


def test_a_choice_that_alternates_costs_what_keeping_it_would_have_saved() -> None:
    kept, alternating = report(turns(alternates=False)), report(turns(alternates=True))
    assert kept.total.net_usd is not None
    assert alternating.total.net_usd is not None
    lost = kept.total.net_usd - alternating.total.net_usd
    assert lost > 0.01
    assert alternating.total.lost_usd == pytest.approx(lost, rel=0.03)
    (finding,) = [each for each in alternating.findings if each.rule.id == "marked-setting-changed"]
    assert finding.requests >= 6


def test_a_prompt_that_has_expired_is_not_an_edit_of_one_that_resembles_it() -> None:
    def traffic(app: App) -> None:
        sessions = [f"Session {number}. {prose(1_500, f'order {number}')}" for number in range(17, 23)]
        for session in sessions:
            app.message(user(text("Hi")), system=[marked(session)])
            app.clock.advance(20)
        app.clock.advance(900)
        for session in sessions:
            app.message(user(text("And?")), system=[marked(session)])
            app.clock.advance(5)

    seen = report(traffic)
    (expired,) = [each for each in seen.findings if each.reason == "expired"]
    assert expired.requests == 6
    assert not [each for each in seen.findings if each.reason == "input_changed"]
    assert (seen.total.lost_tokens or 0) <= (seen.total.write_tokens or 0) // 2
