from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, Sampler, SamplingResult

from otel_promptcache.core.analyzer import CacheReport, CacheResult
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import Reply, RequestFacts, Timing
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.emitter import Emitter, Instruments
from otel_promptcache.telemetry.metrics.counters import Counters
from otel_promptcache.telemetry.metrics.distribution import Distribution
from otel_promptcache.telemetry.metrics.instance import Instance
from otel_promptcache.telemetry.metrics.minhash import MinHashes
from otel_promptcache.telemetry.metrics.semconv import semconv_metrics
from otel_promptcache.telemetry.spans import CallSpan

REQUEST = RequestFacts("chat", "openai", "chat_completions", "gpt-4o", None, "api.openai.com", 443)
REPLY = Reply("chatcmpl-1", "gpt-4o-2024-08-06", "default", {0: "stop"})
TIMING = Timing(0.5, 0.1, 0.2)
DURATION = "gen_ai.client.operation.duration"


def digest_of(fingerprint: str) -> str:
    return fingerprint.encode().hex().ljust(32, "0")


class Recorded:
    """An emitter with the real SDK, and the telemetry that arrived there."""

    def __init__(
        self, sampler: Sampler = ALWAYS_ON, max_fingerprints: int = 10, *, has_histograms: bool = True
    ) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(sampler, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        meter = provider.get_meter(names.SCOPE_NAME)
        counters = Counters(meter, names.COUNTERS)
        instruments = Instruments(
            counters,
            MinHashes(meter),
            Distribution(meter, names.TIME_TO_FIRST_TOKEN_DISTRIBUTION) if has_histograms else None,
            semconv_metrics("released", meter, counters),
            Instance(provider),
        )
        self.emitter = Emitter(self.tracers.get_tracer(names.SCOPE_NAME), instruments, max_fingerprints)

    def call(self, fingerprint: str = "0f", *, span: CallSpan | None = None) -> CallSpan:
        """Emit a call, in the given span if there is one."""
        prefix = PrefixIdentity(fingerprint, digest_of(fingerprint), is_new_variant=False)
        if span is None:
            span = self.emitter.open(REQUEST, prefix, "support", 1_000)
        usage = TokenUsage(2_000, 10, 0, 1_500, 0)
        report = CacheReport(prefix, "support", CacheResult.HIT, usage, Diagnosis(), None, None, True)  # noqa: FBT003
        self.emitter.describe(span, REPLY, report, TIMING)
        span.detach()
        self.emitter.record(span, REQUEST, REPLY, report, TIMING, None)
        span.end(2_000, None)
        return span

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def points(self, metric: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]


def test_a_sampler_sees_all_of_the_request_side() -> None:
    seen: dict[str, Any] = {}

    class Watching(Sampler):
        def should_sample(
            self, parent_context: Any, trace_id: int, name: str, kind: Any = None,
            attributes: Mapping[str, Any] | None = None, links: Any = None, trace_state: Any = None,
        ) -> SamplingResult:  # fmt: skip
            seen.update(attributes or {})
            return SamplingResult(Decision.DROP)

        def get_description(self) -> str:
            return "watching"

    Recorded(Watching()).call()
    assert seen == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "openai.api.type": "chat_completions",
        "server.address": "api.openai.com",
        "server.port": 443,
        "promptcache.prefix.fingerprint": "0f",
        "promptcache.prefix.digest": digest_of("0f"),
        "promptcache.prefix.name": "support",
    }


def test_a_call_that_is_not_sampled_has_all_its_metrics() -> None:
    dropped, kept = Recorded(ALWAYS_OFF), Recorded(ALWAYS_ON)
    assert dropped.call().is_own
    kept.call()
    assert (len(dropped.spans), len(kept.spans)) == (0, 1)
    for metric in (
        names.REQUESTS,
        names.TOKENS,
        names.TIME_TO_FIRST_TOKEN_DISTRIBUTION,
        names.RELEASED_DURATION,
    ):
        assert dropped.points(metric.name)
        attributes = [[point.attributes for point in each.points(metric.name)] for each in (dropped, kept)]
        assert attributes[0] == attributes[1]


@pytest.mark.parametrize("metric", ["promptcache.time_to_first_token", DURATION])
def test_an_exemplar_names_the_span_of_the_call(metric: str) -> None:
    recorded = Recorded()
    recorded.call()
    (span,) = recorded.spans
    (point,) = recorded.points(metric)
    assert [exemplar.span_id for exemplar in point.exemplars] == [span.context.span_id]


def test_a_span_of_another_that_has_ended_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    recorded = Recorded()
    attributes = {"gen_ai.operation.name": "chat"}
    with recorded.tracers.get_tracer("other").start_as_current_span("other", attributes=attributes):
        span = recorded.emitter.open(REQUEST, None, None, 1_000)
    recorded.call(span=span)
    (other,) = recorded.spans
    assert not span.is_own
    assert other.attributes == {**attributes, "promptcache.result": "unknown"}
    assert len(recorded.points("promptcache.requests")) == 1
    assert recorded.points(DURATION) == []
    assert caplog.text == ""


def test_a_call_without_a_span_is_counted_outside_of_the_spans_around_it() -> None:
    recorded = Recorded()
    with recorded.tracers.get_tracer("app").start_as_current_span("app"):
        recorded.call(span=CallSpan.absent())
        assert trace.get_current_span().is_recording()
    assert [dict(span.attributes or {}) for span in recorded.spans] == [{}]
    (seconds,) = recorded.points("promptcache.time_to_first_token")
    assert seconds.exemplars == []
    assert len(recorded.points("promptcache.requests")) == 1


def test_a_template_beyond_the_bound_gets_series_of_its_own_once_it_recurs() -> None:
    recorded = Recorded(max_fingerprints=2)
    for fingerprint in ("first", "again", "again", "again", "late", "late", "once"):
        recorded.call(fingerprint)
    by_template = {
        point.attributes["promptcache.prefix.fingerprint"]: point.value
        for point in recorded.points("promptcache.requests")
    }
    assert by_template == {"first": 1, "again": 3, "late": 1, "other": 2}


def test_a_template_reports_the_smallest_hash_of_its_digests_and_a_mixture_does_not() -> None:
    recorded = Recorded(max_fingerprints=2)
    for fingerprint in ("first", "again", "late"):
        recorded.call(fingerprint)
    by_template = {
        point.attributes["promptcache.prefix.fingerprint"]: point.value
        for point in recorded.points("promptcache.prefix.minhash")
    }
    assert by_template == {name: int(digest_of(name)[:6], 16) for name in ("first", "again")}


def test_time_to_first_token_is_told_apart_by_model_and_result_only() -> None:
    recorded = Recorded()
    for fingerprint in ("first", "again"):
        recorded.call(fingerprint)
    (point,) = recorded.points("promptcache.time_to_first_token")
    assert point.count == 2
    assert dict(point.attributes) == {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "openai.api.type": "chat_completions",
        "promptcache.result": "hit",
    }


def test_without_histograms_there_is_none_of_ours() -> None:
    recorded = Recorded(has_histograms=False)
    recorded.call()
    assert recorded.points("promptcache.time_to_first_token") == []
    assert recorded.points("promptcache.requests")
