"""Whether a peer measures a call does not depend on whether its span records anything."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

import otel_promptcache
from tests.conftest import Telemetry
from tests.reliability.server import BODY, answering, completion


class OwnRequest(OpenAI):
    """As an application makes one, to add headers or to count."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        return super().request(*args, **kwargs)


@pytest.mark.parametrize("client_class", [OpenAI, OwnRequest])
@pytest.mark.parametrize("tracers", [TracerProvider(ALWAYS_OFF), NoOpTracerProvider()], ids=["off", "no-op"])
def test_the_standard_metrics_are_recorded_once_beside_a_peer_whose_spans_record_nothing(
    telemetry: Telemetry, tracers: Any, client_class: type[OpenAI]
) -> None:
    OpenAIInstrumentor().instrument(tracer_provider=tracers, meter_provider=telemetry.meter_provider)
    try:
        telemetry.instrument()
        http_client = httpx2.Client(transport=httpx2.MockTransport(answering(completion())))
        with client_class(api_key="key", base_url="http://provider.test", http_client=http_client) as client:
            for _ in range(3):
                client.chat.completions.create(**BODY)
        points = telemetry.metrics()["gen_ai.client.operation.duration"].values()
        assert sum(point.count for point in points) == 3
        assert telemetry.total("promptcache.requests") == 3
    finally:
        otel_promptcache.uninstrument()
        OpenAIInstrumentor().uninstrument()
