"""The JSON is as documented, to the last member."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from otel_promptcache import __version__
from otel_promptcache.report.rendering.document import as_document, timestamp
from otel_promptcache.report.report import build_report
from tests.report.calls import START, call, gathered, miss

GOLDEN = Path(__file__).with_name("golden.json")
PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")

CALLS = (
    call(0, first_token_seconds=0.1, call_site="svc.py:21"),
    miss(1, path="instructions", kind="timestamp", token=6, first_token_seconds=0.9, write_tokens=1500),
    miss(2, path="instructions", kind="timestamp", token=6, source="provider", missed_usd=None),
    call(3, name=None, fingerprint="0123456789abcdef", result="unknown", read_tokens=None, net_usd=None, expected_tokens=None),
    miss(4, "provider", name="other", missed_usd=0.5),
    call(5, name="other", error_type="APIError", result="unknown"),
)  # fmt: skip


def document() -> dict[str, Any]:
    known = gathered(*CALLS, processes=2, dropped=3, notes=("not observed: something",))
    return as_document(build_report(CALLS), known, exit_code=7)


def test_the_document_is_the_golden_one() -> None:
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(document())) == {**expected, "generator": f"otel-promptcache {__version__}"}


def test_every_member_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)(?:\[\])?`", PAGE.partition("## The report as JSON")[2]))

    def members(value: Any) -> set[str]:
        if isinstance(value, list):
            return {name for each in value for name in members(each)}
        if isinstance(value, dict):
            return {
                name
                for key, each in value.items()
                for name in ({key} if key == "results" else {key} | members(each))
            }
        return set()

    assert members(document()) <= documented


def test_times_are_in_utc() -> None:
    assert timestamp(START) == "2026-11-20T00:00:00Z"
    assert timestamp(None) is None
