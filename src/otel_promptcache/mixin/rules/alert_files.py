"""Alerts for two evaluators: as Prometheus rules, or as rules that Grafana manages itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration
from otel_promptcache.mixin.rules.alert_links import dashboard_link, dashboard_of
from otel_promptcache.mixin.rules.rule import Alert, Number

_CONDITION = "CONDITION"
_VALUE = "A"
_LOOKBACK_SECONDS = 600


def prometheus_alert(config: MixinConfig, alert: Alert) -> dict[str, Any]:
    """Return an alert as a rule of a Prometheus rule file."""

    def number(name: str, wanted: Number) -> str:
        del name
        pairs = ", ".join(f"{label}=%q" for label in alert.labels)
        values = " ".join(f"$labels.{label}" for label in alert.labels)
        lookup = f'{{{{ with printf "{wanted.expr}{{{pairs}}}" {values} | query }}}}'
        return f"{lookup}{{{{ . | first | value | {wanted.shown_as} }}}}{{{{ end }}}}"

    calm = {"keep_firing_for": duration(alert.calm_seconds)} if alert.calm_seconds else {}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": duration(alert.for_seconds),
        **calm,
        "labels": {"severity": alert.severity},
        "annotations": {**_annotations(alert, "$value", number), **dashboard_link(config, alert)},
    }


def grafana_alerts(config: MixinConfig, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return all alerts as a file that Grafana provisions; it evaluates them over the recorded series."""
    group = {
        "orgId": 1,
        "name": "promptcache",
        "folder": config.folder,
        "interval": duration(config.evaluation_seconds),
        "rules": [_grafana_alert(config, alert) for alert in alerts],
    }
    return {"apiVersion": 1, "groups": [group]}


def _grafana_alert(config: MixinConfig, alert: Alert) -> dict[str, Any]:
    refs = dict(zip(alert.numbers, "BCDEF", strict=False))

    def number(name: str, wanted: Number) -> str:
        return f"{{{{ $values.{refs[name]}.Value | {wanted.shown_as} }}}}"

    queries = {_VALUE: alert.expr, **{refs[name]: wanted.expr for name, wanted in alert.numbers.items()}}
    # A firing alert's expression may well return 0; the condition is that it returns anything at all.
    # All numbers must be in the condition, or Grafana would not pass them to the texts.
    condition = " && ".join(f"${ref} > -1" for ref in queries)
    return {
        "uid": "promptcache-" + hashlib.blake2b(alert.name.encode(), digest_size=6).hexdigest(),
        "title": alert.name,
        "condition": _CONDITION,
        "data": [*(_query(config, ref, expr) for ref, expr in queries.items()), _math(condition)],
        # The expression returns nothing while all is well.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": duration(alert.for_seconds),
        **({"keepFiringFor": duration(alert.calm_seconds)} if alert.calm_seconds else {}),
        "annotations": {
            **_annotations(alert, f"$values.{_VALUE}.Value", number),
            **dashboard_link(config, alert),
            "__dashboardUid__": dashboard_of(alert),
        },
        "labels": {"severity": alert.severity},
        "isPaused": False,
    }


def _query(config: MixinConfig, ref: str, expr: str) -> dict[str, Any]:
    model = {
        "refId": ref,
        "datasource": {"type": "prometheus", "uid": config.datasource},
        "editorMode": "code",
        "expr": expr,
        "instant": True,
        "range": False,
        "intervalMs": 1000,
        "maxDataPoints": 43200,
    }
    return {
        "refId": ref,
        "relativeTimeRange": {"from": _LOOKBACK_SECONDS, "to": 0},
        "datasourceUid": config.datasource,
        "model": model,
    }


def _math(expression: str) -> dict[str, Any]:
    model = {
        "refId": _CONDITION,
        "datasource": {"type": "__expr__", "uid": "__expr__"},
        "type": "math",
        "expression": expression,
    }
    return {"refId": _CONDITION, "datasourceUid": "__expr__", "model": model}


def _annotations(alert: Alert, value: str, number: Callable[[str, Number], str]) -> dict[str, str]:
    """Fill in the texts, with values named the way the evaluator does."""
    words = {
        "value": f"{{{{ {value} | {alert.shown_as} }}}}",
        **{label: f"{{{{ $labels.{label} }}}}" for label in alert.labels},
        **{name: number(name, wanted) for name, wanted in alert.numbers.items()},
    }
    return {
        "summary": alert.summary.format_map(words),
        "description": alert.description.format_map(words),
        "runbook_url": alert.runbook_url,
    }
