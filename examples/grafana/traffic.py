"""The demo's applications, sending their metrics and traces to the endpoint in OpenTelemetry's own variables.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python examples/grafana/traffic.py

Each round is half an hour of traffic from nine applications to a local provider.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_promptcache import instrument, uninstrument
from otel_promptcache.demo.run import local_provider
from otel_promptcache.demo.traffic import Traffic
from otel_promptcache.sim.workloads import WORKLOADS
from otel_promptcache.version import __version__

_WHO = {
    "service.name": "demo",
    "service.namespace": "shop",
    "service.version": __version__,
    "deployment.environment.name": "demo",
}


@contextmanager
def exporting(metrics_endpoint: str | None = None) -> Iterator[None]:
    """Instrument the SDKs inside the block and export what it emits.

    Args:
        metrics_endpoint: Where metrics go; None leaves it to the environment, and sends traces there, too.
    """
    resource = Resource.create({**_WHO, "service.instance.id": f"demo-{os.getpid()}"})
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=metrics_endpoint), export_interval_millis=5_000
    )
    meter_provider, tracer_provider = (
        MeterProvider([reader], resource=resource),
        TracerProvider(resource=resource),
    )
    if metrics_endpoint is None:
        tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    instrument(meter_provider=meter_provider, tracer_provider=tracer_provider)
    try:
        yield
    finally:
        uninstrument()
        tracer_provider.shutdown()
        meter_provider.shutdown()


def send(seconds: float, rounds: int | None = None) -> None:
    """Send the given number of rounds of traffic, or rounds without end, each with different requests."""
    with local_provider(seconds, 0) as provider:
        for seed in count() if rounds is None else range(rounds):
            with Traffic(provider.url, WORKLOADS, seconds=seconds, seed=seed) as traffic:
                traffic.wait()


def main() -> None:
    """Run until interrupted, or for the given number of rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300, help="seconds that a round takes")
    parser.add_argument("--rounds", type=int, help="number of rounds; unlimited if not given")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt), exporting():
        send(arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
