"""Hand-made calls, and the findings in them."""

from __future__ import annotations

from typing import Any

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import build_report

START = 1_795_132_800.0


def call(second: float = 0.0, **fields: Any) -> CallRecord:
    """A call that read everything expected from the cache, unless `fields` say otherwise."""
    usual = {
        "started_seconds": START + second,
        "ended_seconds": START + second + 0.5,
        "model": "gpt-4.1",
        "api_type": "chat_completions",
        "is_finished": True,
        "name": "bot",
        "result": "hit",
        "input_tokens": 2000,
        "read_tokens": 1920,
        "expected_tokens": 1920,
        "net_usd": 0.003,
    }
    return CallRecord(**{**usual, **fields})


def miss(second: float = 0.0, reason: str | None = "input_changed", **fields: Any) -> CallRecord:
    """A call that read nothing."""
    usual = {
        "result": "miss",
        "read_tokens": 0,
        "expected_tokens": 0,
        "reason": reason,
        "source": "client",
        "missed_tokens": 1800,
        "missed_usd": 0.002,
        "net_usd": 0.0,
    }
    return call(second, **{**usual, **fields})


def findings(*calls: CallRecord) -> dict[str, Finding]:
    """The findings by rule id. If several templates have the same finding, the last one."""
    return {finding.rule.id: finding for finding in build_report(calls).findings}


def gathered(*calls: CallRecord, **fields: Any) -> Gathered:
    usual = {"calls": calls, "processes": 1, "dropped": 0, "notes": (), "has_python": True}
    return Gathered(**{**usual, **fields})
