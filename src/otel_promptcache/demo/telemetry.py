"""The demo's own OpenTelemetry SDK: real providers, and a reader that the tables are made from."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_promptcache import PromptCacheInstrumentor, instrument, uninstrument
from otel_promptcache.demo.summary import Summary, summarize
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.report import build_report
from otel_promptcache.sim.cache.models import model_names


class Observed:
    """What the demo's SDK has collected so far."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.exporter = InMemorySpanExporter()

    def summary(self) -> Summary:
        """The metrics, by application."""
        return summarize(self.reader.get_metrics_data())

    def findings(self) -> tuple[Finding, ...]:
        """What the spans say is wrong with the applications, the most expensive first."""
        calls = (
            CallRecord.from_attributes(
                span.attributes or {},
                started_seconds=(span.start_time or 0) / 1e9,
                ended_seconds=(span.end_time or 0) / 1e9,
            )
            for span in self.exporter.get_finished_spans()
        )
        return build_report(calls).findings


@contextmanager
def observed(speed: float = 1.0) -> Generator[Observed, None, None]:
    """Instrument the SDKs inside the block, and yield access to what was emitted so far.

    Args:
        speed: How much faster than real time the provider's clock runs; lifetimes and rates are scaled by it.
    """
    seen = Observed()
    meter_provider, tracer_provider = MeterProvider([seen.reader]), TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(seen.exporter))
    if PromptCacheInstrumentor().is_instrumented_by_opentelemetry:  # started by opentelemetry-instrument
        uninstrument()
    instrument(
        meter_provider=meter_provider,
        tracer_provider=tracer_provider,
        stream_usage=False,
        semconv="off",
        histograms="exponential",
        policies=_policies(speed),
    )
    # The closing table says it better than the library's warnings about these applications.
    logger = logging.getLogger("otel_promptcache")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield seen
    finally:
        uninstrument()
        logger.setLevel(level)
        tracer_provider.shutdown()
        meter_provider.shutdown()


def _policies(speed: float) -> dict[str, dict[str, float]]:
    """The policies of all models, for a provider whose clock runs faster."""
    policies = {model: policy_for("openai", model) for model in model_names()}
    return {
        model: {
            "lifetime_seconds": policy.lifetime("") / speed,
            "max_requests_per_minute": (policy.max_requests_per_minute or 0) * speed,
        }
        for model, policy in policies.items()
    }
