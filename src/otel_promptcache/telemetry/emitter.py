"""Writes what is known about a call to its span and to the metrics; decides nothing."""

from __future__ import annotations

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer
from opentelemetry.util.types import AttributeValue

from otel_promptcache.core.analyzer import CacheReport, CacheResult
from otel_promptcache.core.exchange import Reply, RequestFacts, Timing
from otel_promptcache.core.fingerprint import PrefixIdentity
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.cardinality import BoundedLabel
from otel_promptcache.telemetry.counters import Counters, Labels
from otel_promptcache.telemetry.semconv_metrics import SemconvMetrics, histogram
from otel_promptcache.telemetry.spans import CallSpan

_MISSES = frozenset({CacheResult.MISS, CacheResult.PARTIAL})


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
        name = f"{request.operation} {request.model}" if request.model else request.operation
        span = CallSpan.open(self._tracer, name, _request_attributes(request), start_ns)
        span.set(
            {
                names.FINGERPRINT.name: prefix and prefix.fingerprint,
                names.DIGEST.name: prefix and prefix.digest,
                names.PREFIX_NAME.name: prefix_name,
                # Another's span may end before the call does; it is not to be left without a result.
                names.RESULT.name: None if span.is_own else CacheResult.UNKNOWN.value,
            }
        )
        return span

    def describe(self, span: CallSpan, reply: Reply, report: CacheReport, timing: Timing) -> None:
        """Write the response side to the span."""
        if span.is_own:
            span.set(_reply_attributes(reply, report, timing))
        cost, usage, diagnosis = report.cost, report.usage, report.diagnosis
        place = diagnosis.place
        span.set(
            {
                # Others drop a measured zero, so these two are written on their spans as well.
                names.USAGE_CACHE_READ_TOKENS: usage.cache_read_tokens,
                names.USAGE_CACHE_WRITE_TOKENS: usage.cache_write_tokens,
                names.RESULT.name: report.result.value,
                names.HIT_RATIO.name: usage.hit_ratio,
                names.EXPECTED_TOKENS.name: diagnosis.expected_tokens,
                names.AVOIDABLE_TOKENS.name: diagnosis.avoidable_tokens,
                names.MISS_REASON.name: diagnosis.reason and diagnosis.reason.value,
                names.MISS_SOURCE.name: diagnosis.source and diagnosis.source.value,
                names.MISS_TOKENS.name: diagnosis.missed_tokens,
                names.DIVERGENCE_PATH.name: place and place.path,
                names.DIVERGENCE_TOKEN.name: place and place.token,
                names.DIVERGENCE_KIND.name: place and place.kind.value,
                names.SAVINGS_AMOUNT.name: None if cost is None else cost.net_savings_usd,
                names.MISSED_SAVINGS_AMOUNT.name: report.missed_savings_usd,
                names.TIME_TO_FIRST_TOKEN.name: timing.first_token_seconds,
            }
        )

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
        model = _model_labels(request, reply)
        prefix = self._prefix_labels(report)
        where = model + prefix
        result = (names.RESULT.name, report.result.value)
        errors = () if error_type is None else ((names.ERROR_TYPE, error_type),)
        add = self._counters.add
        add(names.REQUESTS, 1, (*where, result, *errors))
        for state, tokens in _tokens_by_state(report):
            add(names.TOKENS, tokens, (*where, (names.TOKEN_STATE, state)))
        if report.cost is not None:
            add(names.SAVINGS, report.cost.savings_usd, where)
            add(names.WRITE_SURCHARGE, report.cost.write_surcharge_usd, where)
            add(names.INPUT_COST, report.cost.input_cost_usd, where)
        elif report.is_answered:
            add(names.UNPRICED, 1, model)
        self._record_miss(report, where)
        if report.prefix is not None and report.prefix.is_new_variant:
            add(names.PREFIX_VARIANTS, 1, prefix)
        if report.usage.hit_ratio is not None:
            self._hit_ratio.record(report.usage.hit_ratio, dict(where), span.context)
        if timing.first_token_seconds is not None:
            self._time_to_first_token.record(timing.first_token_seconds, dict((*where, result)), span.context)
        if span.is_own:
            operation = (names.OPERATION_NAME, request.operation)
            self._semconv.record(report.usage, timing, dict((operation, *model, *errors)), span.context)

    def _record_miss(self, report: CacheReport, where: Labels) -> None:
        diagnosis = report.diagnosis
        if report.result not in _MISSES or diagnosis.reason is None or diagnosis.source is None:
            return
        reason = (names.MISS_REASON.name, diagnosis.reason.value)
        source = (names.MISS_SOURCE.name, diagnosis.source.value)
        self._counters.add(names.MISSES, 1, (*where, reason, source))
        if diagnosis.missed_tokens is not None:
            self._counters.add(names.MISSED_TOKENS, diagnosis.missed_tokens, (*where, reason))
        if report.missed_savings_usd is not None:
            self._counters.add(names.MISSED_SAVINGS, report.missed_savings_usd, (*where, reason))

    def count_internal_error(self, seam: str, error: Exception) -> None:
        """Count a fault of our own, or a malformed response."""
        labels = ((names.CODE_FUNCTION_NAME, seam), (names.ERROR_TYPE, type(error).__name__))
        self._counters.add(names.INTERNAL_ERRORS, 1, labels)

    def _prefix_labels(self, report: CacheReport) -> Labels:
        labels: Labels = ()
        if report.prefix is not None:
            labels += ((names.FINGERPRINT.name, self._fingerprints.admit(report.prefix.fingerprint)),)
        if report.prefix_name is not None:
            labels += ((names.PREFIX_NAME.name, self._prefix_names.admit(report.prefix_name)),)
        return labels


def _model_labels(request: RequestFacts, reply: Reply) -> Labels:
    tier = reply.service_tier
    pairs = (
        (names.PROVIDER_NAME, request.provider),
        (names.REQUEST_MODEL, request.model),
        (names.API_TYPE, request.api_type),
        (names.RESPONSE_SERVICE_TIER, None if tier == "default" else tier),
    )
    return tuple((name, value) for name, value in pairs if value is not None)


def _tokens_by_state(report: CacheReport) -> tuple[tuple[str, int], ...]:
    """The input by what became of it; empty where the split was not reported."""
    usage = report.usage
    if usage.cache_read_tokens is None or usage.uncached_tokens is None:
        return ()
    states = (("read", usage.cache_read_tokens), ("uncached", usage.uncached_tokens))
    if usage.cache_write_tokens is None:
        return states
    return (*states, ("write", usage.cache_write_tokens))


def _request_attributes(request: RequestFacts) -> dict[str, AttributeValue | None]:
    return {
        names.OPERATION_NAME: request.operation,
        names.PROVIDER_NAME: request.provider,
        names.REQUEST_MODEL: request.model,
        names.REQUEST_STREAM: request.is_stream or None,
        names.API_TYPE: request.api_type,
        names.REQUEST_SERVICE_TIER: None if request.service_tier == "auto" else request.service_tier,
        names.SERVER_ADDRESS: request.host,
        names.SERVER_PORT: request.port,
    }


def _reply_attributes(reply: Reply, report: CacheReport, timing: Timing) -> dict[str, AttributeValue | None]:
    return {
        names.RESPONSE_MODEL: reply.model,
        names.RESPONSE_ID: reply.response_id,
        names.RESPONSE_FINISH_REASONS: reply.finish_reasons,
        names.RESPONSE_SERVICE_TIER: reply.service_tier,
        names.RESPONSE_TIME_TO_FIRST_CHUNK: timing.first_chunk_seconds,
        names.USAGE_INPUT_TOKENS: report.usage.input_tokens,
        names.USAGE_OUTPUT_TOKENS: report.usage.output_tokens,
        names.USAGE_REASONING_TOKENS: report.usage.reasoning_tokens,
    }
