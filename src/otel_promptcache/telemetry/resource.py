"""What the application's resource says about it."""

from __future__ import annotations

import os
from urllib.parse import unquote

from opentelemetry.trace import TracerProvider, get_tracer_provider

_NAMESPACE = "service.namespace"


def service_namespace(tracer_provider: TracerProvider | None) -> str:
    """The service's namespace, from the provider's resource or the environment; empty if there is none.

    Args:
        tracer_provider: None for the global one.
    """
    resource = getattr(tracer_provider or get_tracer_provider(), "resource", None)
    stated = getattr(resource, "attributes", {}).get(_NAMESPACE)
    if isinstance(stated, str):
        return stated
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, _, value = pair.partition("=")
        if name.strip() == _NAMESPACE:
            return unquote(value.strip())
    return ""
