"""No value from a server, a prompt or a host keeps an exporter from exporting the application's own telemetry."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_promptcache
from tests.conftest import Telemetry

from .server import BODY, USAGE, answering, client_of, completion, streaming


class Receiver(ThreadingHTTPServer):
    """Receives OTLP over HTTP on loopback."""

    def __init__(self) -> None:
        received: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.received = received

    @property
    def span_names(self) -> list[str]:
        requests = [
            ExportTraceServiceRequest.FromString(body) for path, body in self.received if "traces" in path
        ]
        return [
            span.name
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metric_names(self) -> set[str]:
        requests = [
            ExportMetricsServiceRequest.FromString(body) for path, body in self.received if "metrics" in path
        ]
        return {
            metric.name
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    yield receiver
    receiver.shutdown()
    thread.join()
    receiver.server_close()


ODD_USAGE: list[Any] = [
    {**USAGE, "prompt_tokens": 2**63},
    {**USAGE, "prompt_tokens": 10**400},
    {**USAGE, "completion_tokens": 10**10},
    {**USAGE, "prompt_tokens": -1},
    {**USAGE, "prompt_tokens_details": {"cached_tokens": 2**64}},
    {**USAGE, "prompt_tokens": float("nan")},
    {**USAGE, "prompt_tokens": float("inf")},
]
SURROGATE = "gpt\ud83d"


@pytest.mark.parametrize(
    "answer",
    [
        *[completion(usage=usage) for usage in ODD_USAGE],
        completion(service_tier=SURROGATE, id=SURROGATE, model=SURROGATE),
        completion(service_tier="x" * 1_000_000, id="y" * 1_000_000, model="z" * 1_000_000),
        completion(choices=[{"index": index, "finish_reason": "stop"} for index in range(5_000)]),
    ],
)  # fmt: skip
def test_the_applications_own_signals_arrive_whatever_an_answer_says(
    receiver: Receiver, answer: dict[str, Any]
) -> None:
    endpoint = f"http://127.0.0.1:{receiver.server_port}"
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"), 3_600_000)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    otel_promptcache.instrument(tracer_provider=tracers, meter_provider=meters)
    try:
        meters.get_meter("app").create_counter("app.orders").add(1)
        with tracers.get_tracer("app").start_as_current_span("app"), client_of(answering(answer)) as client:
            for model in ("gpt-5.4", SURROGATE, "m" * 1_000_000):
                with contextlib.suppress(UnicodeEncodeError):  # newer SDKs cannot send it
                    client.chat.completions.with_raw_response.create(**{**BODY, "model": model})
    finally:
        otel_promptcache.uninstrument()
        tracers.shutdown()
        meters.shutdown()
    assert len(receiver.span_names) in (3, 4)
    assert "app" in receiver.span_names
    assert {"app.orders", "promptcache.requests"} <= receiver.metric_names


@pytest.mark.parametrize("usage", ODD_USAGE)
def test_impossible_usage_is_unknown_and_counted(telemetry: Telemetry, usage: dict[str, Any]) -> None:
    telemetry.instrument()
    with client_of(answering(completion(usage=usage))) as client:
        client.chat.completions.with_raw_response.create(**BODY)
    assert telemetry.span["promptcache.result"] == "unknown"
    assert telemetry.total("promptcache.internal.errors", error__type="InvalidUsageError") == 1
    assert telemetry.total("promptcache.requests") == 1


def test_an_integer_of_any_length_is_no_count(telemetry: Telemetry) -> None:
    telemetry.instrument()
    body = json.dumps(completion()).replace("2000", "9" * 5_000).encode()
    with client_of(answering(body)) as client:
        client.chat.completions.with_raw_response.create(**BODY)
    assert telemetry.span["gen_ai.response.model"] == "gpt-5.4"
    assert telemetry.span["promptcache.result"] == "unknown"


@pytest.mark.parametrize("flood", ["request model", "response tier", "error code"])
def test_honest_calls_are_told_apart_after_a_flood(telemetry: Telemetry, flood: str) -> None:
    numbers = iter(range(10_000))

    def answer(request: httpx2.Request) -> httpx2.Response:
        if json.loads(request.content)["input"] == "honest":
            body: dict[str, Any] = {"status": "completed", "service_tier": "flex"}
        elif flood == "error code":
            body = {"status": "failed", "error": {"code": f"code_{next(numbers)}"}}
        else:
            body = {"status": "completed", "service_tier": f"tier_{next(numbers)}"}
        body = {"id": "resp_1", "object": "response", "model": "gpt-5.4", "output": [], **body}
        return httpx2.Response(200, json=body)

    telemetry.instrument()
    with client_of(answer) as client:
        for number in range(1_200):
            model = f"model-{number}" if flood == "request model" else "gpt-5.4"
            client.responses.with_raw_response.create(model=model, input="flood")
        for _ in range(100):
            client.responses.with_raw_response.create(model="gpt-5.6", input="honest")
    where = {"gen_ai__request__model": "gpt-5.6", "openai__response__service_tier": "flex"}
    assert telemetry.total("promptcache.requests", **where) >= 97
    assert telemetry.total("promptcache.requests") == 1_300
    labels = {value for points in telemetry.metrics().values() for key in points for _, value in key}
    assert len(labels) < 400
    assert max(len(str(label)) for label in labels) <= 128


def test_free_text_of_a_server_is_no_error_type(telemetry: Telemetry) -> None:
    telemetry.instrument()
    body = {"id": "resp_1", "status": "failed", "error": {"code": "Dear Ann, it broke"}, "output": []}
    with client_of(answering(body)) as client:
        client.responses.with_raw_response.create(model="gpt-5.4", input="Hi")
    assert telemetry.span["error.type"] == "failed"


def test_each_choice_has_one_finish_reason(telemetry: Telemetry) -> None:
    telemetry.instrument()
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n'
    with client_of(streaming([event * 4_000, b"data: [DONE]\n\n"])) as client:
        assert len(list(client.chat.completions.create(**BODY, stream=True))) == 4_000
    assert telemetry.span["gen_ai.response.finish_reasons"] == ("stop",)
