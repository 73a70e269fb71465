"""An instrumented application whose metrics go to a real receiver."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from otel_promptcache import instrument, uninstrument

JOB, INSTANCE, VERSION = "shop/demo", "demo-1", "1.4.0"
_RESOURCE = {
    "service.namespace": "shop",
    "service.name": "demo",
    "service.version": VERSION,
}


def otlp_reader(receiver_url: str, *, seconds: float = 1.0) -> MetricReader:
    """Return a reader that sends everything over OTLP and HTTP every `seconds`."""
    exporter = OTLPMetricExporter(endpoint=f"{receiver_url}/opentelemetry/v1/metrics")
    return PeriodicExportingMetricReader(exporter, export_interval_millis=seconds * 1000)


@contextmanager
def instrumented(
    reader: MetricReader, *, instance: str | None = INSTANCE, fleet: Path | None = None
) -> Iterator[None]:
    """Instrument the OpenAI SDK inside the block, and send the last metrics at its end.

    Args:
        reader: What collects the metrics.
        instance: The id of the process; None for a unique one.
        fleet: A file for the fleet's memory, if any.
    """
    resource = Resource.create({**_RESOURCE, "service.instance.id": instance or str(uuid.uuid4())})
    meter_provider = MeterProvider([reader], resource=resource)
    tracer_provider = TracerProvider()
    instrument(
        meter_provider=meter_provider,
        tracer_provider=tracer_provider,
        semconv="off",
        fleet=None if fleet is None else f"file:{fleet}",
    )
    try:
        yield
    finally:
        uninstrument()
        tracer_provider.shutdown()
        meter_provider.shutdown()
