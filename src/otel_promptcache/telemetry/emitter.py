"""Writes what is known about a call to its span and to the metrics; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.trace import Tracer

from otel_promptcache.core.analyzer import CacheReport, CacheResult
from otel_promptcache.core.exchange import Reply, RequestFacts, Timing
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.error_names import error_name
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.attributes import add_prefix, add_reply, add_report, add_request
from otel_promptcache.telemetry.exportable import Attributes
from otel_promptcache.telemetry.metrics.cardinality import BoundedLabels
from otel_promptcache.telemetry.metrics.counters import Counters, Labels
from otel_promptcache.telemetry.metrics.counts import counts_of
from otel_promptcache.telemetry.metrics.distribution import Distribution
from otel_promptcache.telemetry.metrics.instance import Instance
from otel_promptcache.telemetry.metrics.minhash import MinHashes
from otel_promptcache.telemetry.metrics.semconv import SemconvMetrics
from otel_promptcache.telemetry.metrics.series import Series, series_of
from otel_promptcache.telemetry.spans import CallSpan


@dataclass(frozen=True, slots=True)
class Instruments:
    """The instruments that count and record calls."""

    counters: Counters
    minhashes: MinHashes
    time_to_first_token: Distribution | None
    """None if our histograms are switched off."""
    semconv: SemconvMetrics
    instance: Instance
    """The identity that they report under."""


class Emitter:
    """The instruments and the tracer of one instrumented application."""

    def __init__(self, tracer: Tracer, instruments: Instruments, max_fingerprints: int) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._labels = BoundedLabels(
            {names.FINGERPRINT.name: max_fingerprints, names.PREFIX_NAME.name: max_fingerprints}
        )

    def open(
        self,
        request: RequestFacts,
        prefix: PrefixIdentity | None,
        prefix_name: str | None,
        start_ns: int,
        *,
        is_measured_by_another: bool = False,
    ) -> CallSpan:
        """Open or join the span of a call, and write the request side immediately: the end may never come.

        Args:
            request: What is requested.
            prefix: Which template it is from; None if the prompt could not be read.
            prefix_name: The application's name for the template; None if it has none.
            start_ns: When the call began, in nanoseconds since the Unix epoch.
            is_measured_by_another: Another instrumentation observes this call, even if its span records nothing.
        """
        attributes: Attributes = {}
        joined = CallSpan.join(is_measured_by_another=is_measured_by_another)
        if joined is not None:
            add_prefix(attributes, prefix, prefix_name)
            # Another instrumentation's span may end before the call does; it must not be left without a result.
            attributes[names.RESULT.name] = CacheResult.UNKNOWN.value
            joined.set(attributes)
            return joined
        name = f"{request.operation} {request.model}" if request.model else request.operation
        add_request(attributes, request)
        add_prefix(attributes, prefix, prefix_name)
        return CallSpan.start(
            self._tracer, name, attributes, start_ns, is_measured_by_another=is_measured_by_another
        )

    def describe(self, span: CallSpan, reply: Reply, report: CacheReport, timing: Timing) -> None:
        """Write the response side to the span."""
        if not span.is_recording:
            return
        attributes: Attributes = {}
        if span.is_own:
            add_reply(attributes, reply, report.usage, timing)
        add_report(attributes, report, timing)
        span.set(attributes)

    def describe_gateway(self, span: CallSpan, cost_usd: float | None, saved_usd: float | None) -> None:
        """Write what a gateway states to the span of a call."""
        attributes: Attributes = {}
        if cost_usd is not None:
            attributes[names.GATEWAY_COST.name] = cost_usd
        if saved_usd is not None:
            attributes[names.GATEWAY_SAVED.name] = saved_usd
        if attributes:
            span.set(attributes)

    def describe_abandoned(self, span: CallSpan) -> None:
        """Write to the span that the application left before the answer was complete."""
        if span.is_recording:
            span.set({names.ABANDONED.name: True})

    def record(
        self,
        span: CallSpan,
        request: RequestFacts,
        reply: Reply,
        report: CacheReport,
        timing: Timing,
        error_type: str | None,
    ) -> None:
        """Record the metrics of a call; call this once per call."""
        instruments = self._instruments
        instruments.instance.claim()
        series = self._series(request, reply, report)
        errors = self._error_labels(error_type)
        instruments.counters.add_all(counts_of(series, report, errors))
        if report.prefix is not None:
            instruments.minhashes.add(series.prefix_labels, report.prefix.digest)
        context, time_to_first_token = span.context, instruments.time_to_first_token
        if timing.first_token_seconds is not None and time_to_first_token is not None:
            labels = series.labels if time_to_first_token.is_exponential else series.model_labels
            labels = (*labels, (names.RESULT.name, report.result.value))
            time_to_first_token.record(timing.first_token_seconds, labels, context)
        if not span.is_measured_by_another:
            instruments.semconv.record(report.usage, timing, (*series.inference_labels, *errors), context)

    def count_internal_error(self, seam: str, error: Exception) -> None:
        """Count a fault of our own, or a malformed response."""
        pairs = ((names.CODE_FUNCTION_NAME, seam), (names.ERROR_TYPE, error_name(error)))
        labels = tuple((name, self._labels.admit(name, value)) for name, value in pairs)
        self._instruments.counters.add(names.INTERNAL_ERRORS, 1, labels)

    def count_fleet_operations(self, outcome: str, operations: int) -> None:
        """Count questions to the fleet's memory, or updates of it."""
        self._instruments.counters.add(names.FLEET_OPERATIONS, operations, ((names.FLEET_OUTCOME, outcome),))

    def _error_labels(self, error_type: str | None) -> Labels:
        if error_type is None:
            return ()
        return ((names.ERROR_TYPE, self._labels.admit(names.ERROR_TYPE, error_type)),)

    def _series(self, request: RequestFacts, reply: Reply, report: CacheReport) -> Series:
        tier, prefix = reply.service_tier, report.prefix

        def admitted(name: str, value: str | None) -> str | None:
            return None if value is None else self._labels.admit(name, value)

        return series_of(
            request.operation,
            self._labels.admit(names.PROVIDER_NAME, request.provider),
            admitted(names.REQUEST_MODEL, request.model),
            request.api_type,
            admitted(names.RESPONSE_SERVICE_TIER, None if tier == "default" else tier),
            admitted(names.FINGERPRINT.name, None if prefix is None else prefix.fingerprint),
            admitted(names.PREFIX_NAME.name, report.prefix_name),
        )
