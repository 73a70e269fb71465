"""Alongside instrumentations of Anthropic's SDK: their span is enriched, and the standard metrics are theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openinference.instrumentation.anthropic import AnthropicInstrumentor as OpenInference
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor as Official

from tests.claude.wire import REQUEST, client
from tests.conftest import Telemetry

SCOPES = {
    Official: "opentelemetry.instrumentation.genai.anthropic",
    OpenInference: "openinference.instrumentation.anthropic",
}


@pytest.fixture(params=SCOPES, ids=["official", "openinference"])
def peer(request: pytest.FixtureRequest) -> Iterator[Any]:
    instrumentor = request.param()
    yield instrumentor
    instrumentor.uninstrument()


def _plain(application: Any) -> None:
    application.messages.create(**REQUEST)


def _stream(application: Any) -> None:
    list(application.messages.create(**REQUEST, stream=True))


@pytest.mark.parametrize("call", [_plain, _stream])
@pytest.mark.parametrize("is_first", [True, False], ids=["before us", "after us"])
def test_one_span_and_no_metric_twice(
    peer: Any, is_first: bool, call: Callable[[Any], None], telemetry: Telemetry
) -> None:
    providers: dict[str, Any] = {"tracer_provider": telemetry.tracer_provider}
    if isinstance(peer, Official):
        providers["meter_provider"] = telemetry.meter_provider
    if is_first:
        peer.instrument(**providers)
    telemetry.instrument(semconv="released")
    if not is_first:
        peer.instrument(**providers)
    call(client(open_telemetry=False))

    (span,) = telemetry.spans
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == SCOPES[type(peer)]
    assert telemetry.span["promptcache.result"] == "hit"
    durations = telemetry.metrics().get("gen_ai.client.operation.duration", {}).values()
    assert sum(point.count for point in durations) == (1 if isinstance(peer, Official) else 0)


def test_inside_the_spans_of_the_sdk_the_metrics_are_those_of_the_peer(telemetry: Telemetry) -> None:
    official = Official()
    official.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        telemetry.instrument(semconv="released")
        _plain(client(open_telemetry={"tracer_provider": telemetry.tracer_provider}))
    finally:
        official.uninstrument()
    results = {span.instrumentation_scope.name: (span.attributes or {}).get("promptcache.result") for span in telemetry.spans if span.instrumentation_scope}  # fmt: skip
    assert results == {"com.anthropic.sdk.python": "hit", SCOPES[Official]: None}
    durations = telemetry.metrics()["gen_ai.client.operation.duration"].values()
    assert sum(point.count for point in durations) == 1
