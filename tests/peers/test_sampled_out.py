"""Whether a peer measures a call does not depend on whether its span records anything."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

import otel_promptcache
from tests.conftest import Telemetry
from tests.reliability.server import BODY, answering, client_of, completion


@pytest.mark.parametrize("tracers", [TracerProvider(ALWAYS_OFF), NoOpTracerProvider()], ids=["off", "no-op"])
def test_the_standard_metrics_are_recorded_once_beside_a_peer_whose_spans_record_nothing(
    telemetry: Telemetry, tracers: Any
) -> None:
    OpenAIInstrumentor().instrument(tracer_provider=tracers, meter_provider=telemetry.meter_provider)
    try:
        telemetry.instrument()
        with client_of(answering(completion())) as client:
            for _ in range(3):
                client.chat.completions.create(**BODY)
        points = telemetry.metrics()["gen_ai.client.operation.duration"].values()
        assert sum(point.count for point in points) == 3
        assert telemetry.total("promptcache.requests") == 3
    finally:
        otel_promptcache.uninstrument()
        OpenAIInstrumentor().uninstrument()
