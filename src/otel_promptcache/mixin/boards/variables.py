"""The variables of a dashboard: each offers what the choices before it leave."""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.mixin.boards.selection import JOB, OF_ENVIRONMENT, OF_MODEL, OF_PROVIDER, PROCESS
from otel_promptcache.mixin.config import ENVIRONMENT
from otel_promptcache.mixin.promql import select
from otel_promptcache.mixin.series import MODEL, PROVIDER, TEMPLATE, increment
from otel_promptcache.telemetry import names


def label_values(label: str, *matchers: str) -> str:
    """Query a label's values in the series that earlier variables select."""
    return f"label_values({select(increment(names.REQUESTS), *matchers)}, {label})"


def variables() -> Sequence[tuple[str, str, str]]:
    """List the variables in the order in which they depend on each other: name, title and query."""
    return (
        ("environment", "Environment", label_values(ENVIRONMENT)),
        ("job", "Job", label_values("job", OF_ENVIRONMENT)),
        ("instance", "Instance", label_values("instance", JOB)),
        ("provider", "Provider", label_values(PROVIDER, PROCESS)),
        ("model", "Model", label_values(MODEL, OF_PROVIDER)),
        ("template", "Template", label_values(TEMPLATE, OF_MODEL)),
    )
