"""Flaws that show only in many calls, gaps in the data, and their remedies."""

from __future__ import annotations

from typing import Any

from otel_promptcache.report.rules import snippets
from tests.findings.loop import App, Loop, fill
from tests.findings.prompts import NAMES
from tests.unit.prompts import NEW, prose, user


def _one_shots(app: App, *, members: dict[str, Any]) -> None:
    for number in range(8):
        app.respond(user(prose(1_800, f"diff {number}")), instructions=prose(400), model=NEW, **members)


def _streams(app: App, *, members: dict[str, Any], is_read: bool = True) -> None:
    for name in NAMES:
        stream = app.chat(app.rules(), user(f"Question of {name}?"), stream=True, **members)
        for _ in stream:
            if not is_read:
                break
        stream.close()


def _usage(app: App, fault: str | None) -> None:
    for name in NAMES:
        headers = {"extra_headers": {"x-sim-fault": fault}} if fault else {}
        app.chat(app.rules(), user(f"Question of {name}?"), **headers)


def _same(app: App) -> None:
    _usage(app, None)


ASKED = fill(snippets.USAGE)
PATTERN_LOOPS: dict[str, Loop] = {
    "writes-not-read": Loop(
        flawed=lambda app: _one_shots(app, members={}),
        fixed=lambda app: _one_shots(app, members=fill(snippets.NO_WRITES)),
    ),
}
MEASUREMENT_LOOPS: dict[str, Loop] = {
    "usage-not-requested": Loop(
        flawed=lambda app: _streams(app, members={}), fixed=lambda app: _streams(app, members=ASKED)
    ),
    "stream-not-finished": Loop(
        flawed=lambda app: _streams(app, members=ASKED, is_read=False),
        fixed=lambda app: _streams(app, members=ASKED),
    ),
    "cached-outside-input": Loop(flawed=lambda app: _usage(app, "usage_cached_exceeds_input"), fixed=_same),
    "invalid-usage": Loop(flawed=lambda app: _usage(app, "usage_negative"), fixed=_same),
}
"""Closed if the result is known."""
