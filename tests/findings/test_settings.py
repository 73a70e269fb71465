"""Settings of servers that speak OpenAI's API: each has its finding, whose lines keep the setting the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otel_promptcache.report.rules.settings import SERVER_SETTINGS
from otel_promptcache.report.rules.snippets import CHAT
from tests.findings.loop import App, Loop, fill, report_of
from tests.unit.prompts import Body, user

KEPT = {"CONVERSATION": "one", "TENANT": "acme", "VALUE": {"a": -1}, "DOCUMENTS": [{"text": "a"}]}

REFUSED = {"prompt_cache_isolation_key"}
"""By the simulated server; the header of that name is tested instead."""


def _traffic(members: Callable[[int], Body], *, spoils: bool) -> Callable[[App], None]:
    """Requests to a server that caches separately for each value of a setting."""

    def traffic(app: App) -> None:
        for number in range(4):
            if spoils:
                app.simulator.evict()
            app.chat(app.rules(), user("Hi"), **members(number))

    return traffic


@pytest.mark.parametrize("name", [name for name in SERVER_SETTINGS if name not in REFUSED])
def test_the_lines_keep_a_setting_the_same(name: str) -> None:
    snippet = SERVER_SETTINGS[name].snippet
    assert snippet is not None
    kept: Body = fill(snippet, CHAT, **KEPT)

    def changed(number: int) -> Body:
        members: dict[str, Any] = {}
        for place, values in kept.items():
            value = {"a": number} if name == "reasoning" else f"value {number}"
            members[place] = dict.fromkeys(values, value)
        return members

    loop = Loop(flawed=_traffic(changed, spoils=True), fixed=_traffic(lambda _: kept, spoils=False))
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    (finding,) = before.findings
    assert (finding.rule.id, finding.path, finding.requests) == ("settings-changed", name, 3)
    assert finding.title == SERVER_SETTINGS[name].title
    assert finding.snippet == snippet.chat
    assert after.findings == ()
    assert (after.total.hit_ratio or 0) > (before.total.hit_ratio or 0)
