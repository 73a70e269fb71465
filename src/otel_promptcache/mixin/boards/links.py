"""Where a click leads: from a template to its dashboard, and from there to its traces."""

from __future__ import annotations

import json
from urllib.parse import quote

from otel_promptcache.mixin.boards.grafana import dashboard, model
from otel_promptcache.mixin.config import TEMPLATE_DASHBOARD, MixinConfig
from otel_promptcache.mixin.series import TEMPLATE
from otel_promptcache.telemetry import names

_KEPT = ("datasource", "environment", "job", "instance", "provider", "model")


def _to_template(value: str) -> dict[str, str]:
    """Link a template's name to its dashboard, and keep the values of the other variables."""
    kept = "&".join(f"${{{variable}:queryparam}}" for variable in _KEPT)
    url = f"/d/{TEMPLATE_DASHBOARD}?var-template=${{{value}:percentencode}}&{kept}&${{__url_time_range}}"
    return {"title": "Open template", "url": url}


FROM_CELL, FROM_SERIES = _to_template("__value.raw"), _to_template(f"__field.labels.{TEMPLATE}")
"""Links from a table cell, and from a series by template."""


def traces(config: MixinConfig) -> dashboard.DashboardLink:
    """A link to the spans of the template that is shown."""
    traceql = (
        f'{{ span.{names.PREFIX_NAME.name} = "${{template}}" || '
        f'span.{names.FINGERPRINT.name} = "${{template}}" }}'
    )
    tempo = {"type": "tempo", "uid": config.traces}
    search = {"refId": "A", "datasource": tempo, "queryType": "traceql", "query": traceql}
    pane = {"datasource": config.traces, "queries": [search], "range": {"from": "now-1h", "to": "now"}}
    # Grafana fills in the variable, so its braces must not be escaped.
    panes = quote(json.dumps({"a": pane}), safe="${}")
    return (
        dashboard.DashboardLink("Traces of this template")
        .type(model.DashboardLinkType.LINK)
        .icon("external link")
        .url(f"/explore?schemaVersion=1&panes={panes}")
        .target_blank(target_blank=True)
    )
