"""Real OpenTelemetry providers and the local provider, for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache
from otel_promptcache import PromptCacheInstrumentor
from otel_promptcache.sim import ManualClock, SimConfig, Simulator
from tests.report.programs import Programs

# The machine may be slow: what counts is the result, not how long an example takes.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

Points = dict[tuple[tuple[str, Any], ...], Any]


@dataclass
class Telemetry:
    """An application's OpenTelemetry SDK, and the telemetry that it received."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meter_provider = MeterProvider(metric_readers=[self.reader])

    def instrument(self, **config: Any) -> None:
        config.setdefault("strict", True)
        otel_promptcache.instrument(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **config
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        self.metrics()  # a collection also ends the streams that were dropped
        return list(self.exporter.get_finished_spans())

    @property
    def span(self) -> dict[str, Any]:
        (span,) = self.spans
        return dict(span.attributes or {})

    def metrics(self) -> dict[str, Points]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: {
                tuple(sorted((point.attributes or {}).items())): point for point in metric.data.data_points
            }
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def total(self, name: str, **where: Any) -> float:
        """The sum of a metric over all attribute sets that have these values; dots are written as `__`."""
        wanted = {(key.replace("__", "."), value) for key, value in where.items()}
        return sum(
            point.sum if hasattr(point, "sum") else point.value
            for attributes, point in self.metrics().get(name, {}).items()
            if wanted <= set(attributes)
        )


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Fresh providers; any instrumentation is removed afterwards."""
    telemetry = Telemetry()
    yield telemetry
    if PromptCacheInstrumentor().is_instrumented_by_opentelemetry:
        otel_promptcache.uninstrument()
    telemetry.tracer_provider.shutdown()
    telemetry.meter_provider.shutdown()


@pytest.fixture(scope="session")
def session_simulator() -> Iterator[Simulator]:
    """One server for all tests, without delays, since nothing here measures time."""
    config = SimConfig(
        prefill_seconds_per_1k_tokens=0, decode_seconds_per_token=0, overflow_requests_per_minute=None
    )
    with Simulator(config, clock=ManualClock()) as simulator:
        yield simulator


@pytest.fixture
def simulator(session_simulator: Simulator) -> Simulator:
    """The local provider, as if just started."""
    session_simulator.reset()
    return session_simulator


@pytest.fixture
def programs(tmp_path: Path, simulator: Simulator) -> Programs:
    """Programs that talk to the local provider."""
    return Programs(tmp_path, simulator)
