"""The demo's own OpenTelemetry SDK: real providers, and a reader that the tables are made from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.trace import TracerProvider

from otel_promptcache import PromptCacheInstrumentor, instrument, uninstrument
from otel_promptcache.demo.summary import Summary, summarize


@contextmanager
def observed() -> Generator[Callable[[], Summary], None, None]:
    """Instrument the OpenAI SDK inside the block; what is yielded reads the metrics emitted so far."""
    reader = InMemoryMetricReader(preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()})
    meter_provider, tracer_provider = MeterProvider([reader]), TracerProvider()
    if PromptCacheInstrumentor().is_instrumented_by_opentelemetry:  # started by opentelemetry-instrument
        uninstrument()
    instrument(
        meter_provider=meter_provider, tracer_provider=tracer_provider, stream_usage=False, semconv="off"
    )
    # What the library has to say about these applications, the closing table says better.
    logger = logging.getLogger("otel_promptcache")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield lambda: summarize(reader.get_metrics_data())
    finally:
        uninstrument()
        logger.setLevel(level)
        tracer_provider.shutdown()
        meter_provider.shutdown()
