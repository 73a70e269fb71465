"""Writes what is known about a call to its span and to the metrics; decides nothing."""

from __future__ import annotations

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer

from otel_promptcache.core.analyzer import CacheReport, CacheResult
from otel_promptcache.core.exchange import Reply, RequestFacts, Timing
from otel_promptcache.core.fingerprint import PrefixIdentity
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.attributes import Attributes, add_prefix, add_reply, add_report, add_request
from otel_promptcache.telemetry.cardinality import BoundedLabel
from otel_promptcache.telemetry.counters import Counters
from otel_promptcache.telemetry.counts import counts_of
from otel_promptcache.telemetry.semconv_metrics import SemconvMetrics, histogram
from otel_promptcache.telemetry.series import Series, series_of
from otel_promptcache.telemetry.spans import CallSpan


class Emitter:
    """The instruments and the tracer of one instrumented application."""

    def __init__(
        self, tracer: Tracer, meter: Meter, counters: Counters, semconv: SemconvMetrics, max_fingerprints: int
    ) -> None:
        self._tracer = tracer
        self._counters = counters
        self._semconv = semconv
        self._fingerprints = BoundedLabel(max_fingerprints)
        self._prefix_names = BoundedLabel(max_fingerprints)
        self._hit_ratio = histogram(meter, names.HIT_RATIO_DISTRIBUTION)
        self._time_to_first_token = histogram(meter, names.TIME_TO_FIRST_TOKEN_DISTRIBUTION)

    def open(
        self, request: RequestFacts, prefix: PrefixIdentity | None, prefix_name: str | None, start_ns: int
    ) -> CallSpan:
        """Open or join the span of a call, and write the request side at once: the end may never come."""
        attributes: Attributes = {}
        joined = CallSpan.join()
        if joined is not None:
            add_prefix(attributes, prefix, prefix_name)
            # Another's span may end before the call does; it is not to be left without a result.
            attributes[names.RESULT.name] = CacheResult.UNKNOWN.value
            joined.set(attributes)
            return joined
        name = f"{request.operation} {request.model}" if request.model else request.operation
        add_request(attributes, request)
        add_prefix(attributes, prefix, prefix_name)
        return CallSpan.start(self._tracer, name, attributes, start_ns)

    def describe(self, span: CallSpan, reply: Reply, report: CacheReport, timing: Timing) -> None:
        """Write the response side to the span."""
        if not span.is_recording:
            return
        attributes: Attributes = {}
        if span.is_own:
            add_reply(attributes, reply, report.usage, timing)
        add_report(attributes, report, timing)
        span.set(attributes)

    def record(
        self,
        span: CallSpan,
        request: RequestFacts,
        reply: Reply,
        report: CacheReport,
        timing: Timing,
        error_type: str | None,
    ) -> None:
        """Record the metrics of a call. To be called once a call."""
        series = self._series(request, reply, report)
        self._counters.add_all(counts_of(series, report, error_type))
        context = span.context
        hit_ratio = report.usage.hit_ratio
        if hit_ratio is not None:
            self._hit_ratio.record(hit_ratio, series.attributes, context)
        if timing.first_token_seconds is not None:
            attributes = {**series.attributes, names.RESULT.name: report.result.value}
            self._time_to_first_token.record(timing.first_token_seconds, attributes, context)
        if span.is_own:
            attributes = series.inference_attributes
            if error_type is not None:
                attributes = {**attributes, names.ERROR_TYPE: error_type}
            self._semconv.record(report.usage, timing, attributes, context)

    def count_internal_error(self, seam: str, error: Exception) -> None:
        """Count a fault of our own, or a malformed response."""
        labels = ((names.CODE_FUNCTION_NAME, seam), (names.ERROR_TYPE, type(error).__name__))
        self._counters.add(names.INTERNAL_ERRORS, 1, labels)

    def _series(self, request: RequestFacts, reply: Reply, report: CacheReport) -> Series:
        tier, prefix, prefix_name = reply.service_tier, report.prefix, report.prefix_name
        return series_of(
            request.operation,
            request.provider,
            request.model,
            request.api_type,
            None if tier == "default" else tier,
            None if prefix is None else self._fingerprints.admit(prefix.fingerprint),
            None if prefix_name is None else self._prefix_names.admit(prefix_name),
        )
