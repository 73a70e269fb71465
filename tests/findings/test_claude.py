"""With Claude, the same flaws lead to the same findings, and the advice given there removes the loss."""

from __future__ import annotations

import pytest

from otel_promptcache.report.report import Report
from otel_promptcache.report.rules.rule import Cause
from otel_promptcache.report.rules.settings import CLAUDE_SETTINGS, SERVER_SETTINGS
from tests.findings.claude import CLAUDE_LOOPS, DIAGNOSED_LOOPS
from tests.findings.claude_settings import SETTING_LOOPS
from tests.findings.loop import Loop, report_of
from tests.report.test_advice import OF_CHAT, OF_OPENAI


def reports(loop: Loop) -> tuple[Report, Report]:
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    assert (after.total.lost_tokens or 0) * 3 <= (before.total.lost_tokens or 0)
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)
    assert (after.total.net_usd or 0) >= (before.total.net_usd or 0)
    return before, after


@pytest.mark.parametrize("rule_id", CLAUDE_LOOPS)
def test_the_advice_takes_the_loss_away(rule_id: str) -> None:
    before, after = reports(CLAUDE_LOOPS[rule_id])
    finding = before.findings[0]
    assert finding.rule.id == rule_id, [(one.rule.id, one.path, one.kind) for one in before.findings]
    assert rule_id not in {one.rule.id for one in after.findings}
    text = f"{finding.paragraph} {finding.snippet}"
    assert not [word for word in (*OF_OPENAI, *OF_CHAT) if word in text]


@pytest.mark.parametrize("part", DIAGNOSED_LOOPS)
def test_what_the_api_itself_says_leads_to_the_finding_of_its_place(part: str) -> None:
    rule_id, loop = DIAGNOSED_LOOPS[part]
    before, after = reports(loop)
    found = {one.rule.id: one for one in before.findings}
    assert str(found[rule_id].path).startswith(part)
    assert found[rule_id].source == "provider"
    assert rule_id not in {one.rule.id for one in after.findings}


@pytest.mark.parametrize("name", SETTING_LOOPS)
def test_a_setting_that_stays_the_same_takes_the_loss_away(name: str) -> None:
    before, after = reports(SETTING_LOOPS[name])
    finding = next(one for one in before.findings if one.cause is not Cause.MEASUREMENT)
    assert (finding.rule.id, finding.path) == ("marked-setting-changed", name)
    assert finding.title == CLAUDE_SETTINGS[name].title
    assert finding.snippet
    assert "marked-setting-changed" not in {one.rule.id for one in after.findings}


def test_every_setting_of_claude_has_a_loop() -> None:
    of_claude = {name for name, said in CLAUDE_SETTINGS.items() if SERVER_SETTINGS.get(name) is not said}
    assert set(SETTING_LOOPS) == of_claude
