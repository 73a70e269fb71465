"""Everything that was emitted during a test, and by whom."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

OUR_SCOPE = "otel_promptcache"


class Emitted:
    """Providers that all instrumentations of a test share, and what came out of them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader])

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()

    def spans(self) -> list[ReadableSpan]:
        """The spans that ended since the last call, including those of streams that were dropped."""
        self._points()
        spans = list(self._exporter.get_finished_spans())
        self._exporter.clear()
        return spans

    def requests(self) -> list[dict[str, Any]]:
        """The attributes of every request that we counted so far, one entry per request."""
        points = self._points().get(OUR_SCOPE, {}).get("promptcache.requests", ())
        return [dict(point.attributes) for point in points for _ in range(point.value)]

    def tokens(self) -> dict[str, int]:
        """The input tokens that we counted so far, by their state."""
        points = self._points().get(OUR_SCOPE, {}).get("promptcache.tokens", ())
        return {point.attributes["promptcache.token.state"]: point.value for point in points}

    def standard_metrics(self, scope: str) -> set[str]:
        """The names of the conventions' own metrics that a scope recorded so far."""
        return {name for name in self._points().get(scope, {}) if name.startswith("gen_ai.")}

    def _points(self) -> dict[str, dict[str, list[Any]]]:
        data = self._reader.get_metrics_data()
        found: dict[str, dict[str, list[Any]]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                metrics = found.setdefault(scope.scope.name, {})
                metrics.update({metric.name: list(metric.data.data_points) for metric in scope.metrics})
        return found


def scopes(spans: list[ReadableSpan]) -> list[str]:
    """The scopes that emitted the spans, sorted."""
    return sorted(span.instrumentation_scope.name for span in spans)


def enriched(spans: list[ReadableSpan]) -> list[ReadableSpan]:
    """The spans that we wrote attributes to."""
    return [span for span in spans if any(name.startswith("promptcache.") for name in span.attributes)]
