"""Links from an alert to its template's dashboard, or else to the overview, with the alert's labels selected."""

from __future__ import annotations

from otel_promptcache.mixin.config import ENVIRONMENT, OVERVIEW_DASHBOARD, TEMPLATE_DASHBOARD, MixinConfig
from otel_promptcache.mixin.rules.rule import Alert
from otel_promptcache.mixin.series import MODEL, TEMPLATE

_VARIABLES = {ENVIRONMENT: "environment", "job": "job", MODEL: "model", TEMPLATE: "template"}
"""The dashboards' variables, by label."""


def dashboard_of(alert: Alert) -> str:
    """Return the UID of the dashboard that shows what an alert is about."""
    return TEMPLATE_DASHBOARD if TEMPLATE in alert.labels else OVERVIEW_DASHBOARD


def dashboard_link(config: MixinConfig, alert: Alert) -> dict[str, str]:
    """Return the annotation with the dashboard's address, if Grafana's is known.

    A label that an alert lacks is left out; referring to it like the others would be an error in Grafana.
    """
    if not config.grafana_url:
        return {}
    chosen = "".join(
        f'{{{{ with index $labels "{label}" }}}}&var-{variable}={{{{ . | urlquery }}}}{{{{ end }}}}'
        for label, variable in _VARIABLES.items()
        if label in alert.labels
    )
    base = config.grafana_url.rstrip("/")
    return {"dashboard_url": f"{base}/d/{dashboard_of(alert)}?from=now-6h&to=now{chosen}"}
