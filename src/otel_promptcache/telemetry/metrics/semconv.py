"""The metrics that the GenAI semantic conventions define, in the generation that was asked for.

They are recorded only if no other GenAI instrumentation observes the same call, so that nothing is
counted twice. Released packages emit one generation; the conventions now describe a newer one.
"""

from __future__ import annotations

from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.metrics import Meter

from otel_promptcache.core.exchange import Timing
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.metrics.counters import Counters, Labels
from otel_promptcache.telemetry.metrics.distribution import Distribution


class SemconvMetrics(Protocol):
    """One generation of the conventions' metrics."""

    def record(self, usage: TokenUsage, timing: Timing, labels: Labels, span: Context) -> None:
        """Record one call; what was not reported is not recorded."""
        ...


def semconv_metrics(generation: str, meter: Meter, counters: Counters) -> SemconvMetrics:
    """The metrics that the setting `semconv` selects: `released`, `latest` or `off`."""
    if generation == "released":
        return ReleasedSemconvMetrics(meter)
    return LatestSemconvMetrics(meter, counters) if generation == "latest" else NoSemconvMetrics()


class NoSemconvMetrics:
    """Setting `semconv="off"`: only `promptcache.*` is emitted."""

    def record(self, usage: TokenUsage, timing: Timing, labels: Labels, span: Context) -> None:
        """Record nothing."""


class ReleasedSemconvMetrics:
    """Setting `semconv="released"`: what opentelemetry-instrumentation-genai-openai emits."""

    def __init__(self, meter: Meter) -> None:
        self._duration = Distribution(meter, names.RELEASED_DURATION)
        self._time_to_first_chunk = Distribution(meter, names.RELEASED_TIME_TO_FIRST_CHUNK)
        self._token_usage = Distribution(meter, names.RELEASED_TOKEN_USAGE)

    def record(self, usage: TokenUsage, timing: Timing, labels: Labels, span: Context) -> None:
        """Record one call."""
        self._duration.record(timing.duration_seconds, labels, span)
        if timing.first_chunk_seconds is not None:
            self._time_to_first_chunk.record(timing.first_chunk_seconds, labels, span)
        if usage.input_tokens is not None:
            self._token_usage.record(usage.input_tokens, (*labels, (names.TOKEN_TYPE, "input")), span)
        if usage.output_tokens is not None:
            self._token_usage.record(usage.output_tokens, (*labels, (names.TOKEN_TYPE, "output")), span)


class LatestSemconvMetrics:
    """Setting `semconv="latest"`: what the conventions describe now."""

    def __init__(self, meter: Meter, counters: Counters) -> None:
        self._counters = counters
        self._duration = Distribution(meter, names.LATEST_DURATION)
        self._time_to_first_chunk = Distribution(meter, names.LATEST_TIME_TO_FIRST_CHUNK)
        self._input_tokens = Distribution(meter, names.LATEST_INPUT_TOKENS)
        self._output_tokens = Distribution(meter, names.LATEST_OUTPUT_TOKENS)

    def record(self, usage: TokenUsage, timing: Timing, labels: Labels, span: Context) -> None:
        """Record one call."""
        self._duration.record(timing.duration_seconds, labels, span)
        if timing.first_chunk_seconds is not None:
            self._time_to_first_chunk.record(timing.first_chunk_seconds, labels, span)
        if usage.input_tokens is not None:
            self._input_tokens.record(usage.input_tokens, labels, span)
        if usage.output_tokens is not None:
            self._output_tokens.record(usage.output_tokens, labels, span)
        # Usage is reported for all modalities together.
        by_modality = (*labels, (names.TOKEN_MODALITY, "unknown"))
        self._counters.add_all(
            [
                (metric, tokens, by_modality)
                for member, metric in names.LATEST_USAGE.items()
                if (tokens := getattr(usage, member)) is not None
            ]
        )
