"""The report as JSON. Names and meanings are stable: additions keep the version, changes raise it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.gather import Gathered
from otel_promptcache.report.reading.summary import TemplateRow
from otel_promptcache.report.report import Report
from otel_promptcache.version import __version__

SCHEMA_VERSION = 1


def as_document(report: Report, gathered: Gathered, exit_code: int) -> dict[str, Any]:
    """Return a whole report in the form of JSON; what is not known is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "generator": f"otel-promptcache {__version__}",
        "run": {
            "exit_code": exit_code,
            "started": timestamp(report.started_seconds),
            "duration_seconds": round(report.duration_seconds, 6),
            "processes": gathered.processes,
            "dropped_calls": gathered.dropped,
            "corrected_reasons": report.corrected,
            "notes": list(gathered.notes),
        },
        "total": _row(report.total),
        "templates": [_row(row) for row in report.rows],
        "findings": [_finding(finding) for finding in report.findings],
        "losses": [
            {
                "reason": loss.reason,
                "requests": loss.requests,
                "lost_tokens": loss.lost_tokens,
                "lost_usd": loss.lost_usd,
            }
            for loss in report.losses
        ],
    }


def timestamp(seconds: float | None) -> str | None:
    """A time in ISO 8601 and UTC, to the second."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _row(row: TemplateRow) -> dict[str, Any]:
    return {
        "template": row.template,
        "models": list(row.models),
        "apis": list(row.apis),
        "call_sites": list(row.call_sites),
        "requests": row.requests,
        "failed": row.failed,
        "abandoned": row.abandoned,
        "results": dict(row.results),
        "hit_ratio": row.hit_ratio,
        "unknown_share": row.unknown_share,
        "tokens": {"read": row.read_tokens, "write": row.write_tokens, "uncached": row.uncached_tokens},
        "net_savings_usd": row.net_usd,
        "lost_usd": row.lost_usd,
        "lost_tokens": row.lost_tokens,
        "unpriced_requests": row.unpriced,
        "time_to_first_token_p50_seconds": {"hit": row.hit_seconds, "miss": row.miss_seconds},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule.id,
        "template": finding.template,
        "cause": finding.cause.name.lower(),
        "title": finding.title,
        "what": finding.what,
        "evidence": finding.evidence,
        "advice": finding.advice,
        "snippet": finding.snippet,
        "cost": finding.cost,
        "requests": finding.requests,
        "of_requests": finding.of_requests,
        "lost_usd": finding.lost_usd,
        "lost_tokens": finding.lost_tokens,
        "usd_per_1000_requests": finding.usd_per_1000_requests,
        "tokens_per_1000_requests": finding.tokens_per_1000_requests,
        "reason": finding.reason,
        "path": finding.path,
        "kind": finding.kind,
        "token": finding.token,
        "source": finding.source,
        "message": finding.message,
        "is_one_off": finding.is_one_off,
    }
