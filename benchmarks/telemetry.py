"""The real OpenTelemetry SDK, with exporters that only count or keep what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

_QUEUE_SPANS = 100_000


class CountingSpanExporter(SpanExporter):
    """Counts the spans and drops them."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count the spans."""
        self.spans += len(spans)  # the processor exports under a lock
        return SpanExportResult.SUCCESS


class LatestMetricExporter(MetricExporter):
    """Keeps the latest collection only."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: MetricsData | None = None

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any
    ) -> MetricExportResult:
        """Keep the collection."""
        del timeout_millis
        self.latest = metrics_data
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: nothing is buffered."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Do nothing: nothing is open."""


class Telemetry:
    """A batch span processor and one periodic metric reader, set up as in an application."""

    def __init__(self) -> None:
        self.span_exporter, self._metrics = CountingSpanExporter(), LatestMetricExporter()
        # Longer than the default, because spans that the processor drops would be missing from the counts.
        self.span_processor = BatchSpanProcessor(self.span_exporter, max_queue_size=_QUEUE_SPANS)
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(self.span_processor)
        self.meter_provider = MeterProvider(
            [PeriodicExportingMetricReader(self._metrics)], shutdown_on_exit=False
        )
        self._flush: Callable[[], object] = self.span_processor.force_flush

    def close(self) -> None:
        """Stop the threads of the SDK."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()

    @contextmanager
    def instrumented(self, **settings: Any) -> Iterator[None]:
        """Instrument the SDK inside the block."""
        # The package is not installed in the environments of other instrumentations.
        from otel_promptcache import instrument, uninstrument  # noqa: PLC0415

        instrument(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **settings)
        try:
            yield
        finally:
            uninstrument()

    def flush_by(self, flush: Callable[[], object]) -> None:
        """Flush with this function instead, for an instrumentation that always creates its own span processor."""
        self._flush = flush

    def flush_spans(self) -> None:
        """Export what is queued, on the calling thread."""
        self._flush()

    def collect(self) -> None:
        """Collect the metrics once."""
        self.meter_provider.force_flush()

    def spans(self) -> int:
        """Spans exported so far."""
        self.flush_spans()
        return self.span_exporter.spans

    def total(self, metric: str) -> float:
        """Sum of a counter, or count of a histogram, over all its series, at the latest `collect`."""
        return sum(map(_amount, self._points(metric)))

    def by_attribute(self, metric: str, attribute: str) -> dict[str, float]:
        """A counter's sums by one of its attributes, at the latest `collect`."""
        sums: dict[str, float] = {}
        for point in self._points(metric):
            value = str((point.attributes or {}).get(attribute))
            sums[value] = sums.get(value, 0) + _amount(point)
        return sums

    def series(self) -> int:
        """Number of series of all metrics, at the latest `collect`."""
        return sum(1 for _ in self._points())

    def _points(self, metric: str | None = None) -> Iterator[NumberDataPoint | HistogramDataPoint]:
        data = self._metrics.latest
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for each in scope.metrics:
                    if metric in (None, each.name):
                        yield from each.data.data_points  # type: ignore[misc]


def _amount(point: NumberDataPoint | HistogramDataPoint) -> float:
    return point.value if isinstance(point, NumberDataPoint) else point.count
