"""OpenTelemetry's SDK with OTLP exporters. Call `start` in each process: after a fork, not before it."""

from __future__ import annotations

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_promptcache


class Telemetry:
    """The providers of this process."""

    def __init__(self) -> None:
        # The service's name and the endpoint come from OTEL_* variables.
        self.spans = TracerProvider()
        self.spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])

    def flush(self) -> None:
        """Export what has ended so far, for a process that may be frozen afterwards."""
        self.spans.force_flush()
        self.metrics.force_flush()

    def stop(self) -> None:
        """Export the rest, at the end of the process."""
        self.spans.shutdown()
        self.metrics.shutdown()


def start() -> Telemetry:
    """Set up spans and metrics for this process, and instrument its calls."""
    telemetry = Telemetry()
    trace.set_tracer_provider(telemetry.spans)
    metrics.set_meter_provider(telemetry.metrics)
    otel_promptcache.instrument()
    return telemetry
