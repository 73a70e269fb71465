"""Warns if nothing that is emitted goes anywhere, because the process has no OpenTelemetry SDK."""

from __future__ import annotations

import logging

from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider, get_tracer_provider

_logger = logging.getLogger("otel_promptcache")

_API = ("opentelemetry.trace", "opentelemetry.metrics")
"""Modules whose providers are no-ops, or proxies for the global provider until it is set."""


class Silence:
    """Warns once in a process if spans and metrics both go nowhere."""

    def __init__(self) -> None:
        self._is_told = False

    def tell(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Log the warning if nothing listens; call this when something was emitted.

        Args:
            tracer_provider: None for the global one.
            meter_provider: None for the global one.
        """
        is_silent = _is_silent(tracer_provider or get_tracer_provider()) and _is_silent(
            meter_provider or get_meter_provider()
        )
        if self._is_told or not is_silent:
            return
        self._is_told = True
        _logger.warning(
            "No OpenTelemetry SDK is set up in this process, so no spans or metrics are exported. Call "
            "set_tracer_provider() and set_meter_provider() before the first request; or start it with "
            "`opentelemetry-instrument` (pip install 'otel-promptcache[auto]') and OTEL_EXPORTER_OTLP_ENDPOINT; "
            "or, without a backend, use `otel-promptcache run -- python ...`. This is logged once."
        )


def _is_silent(provider: object) -> bool:
    return type(provider).__module__.startswith(_API)
