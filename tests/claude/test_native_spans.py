"""Alongside the spans that the SDK starts for its own calls: one span, and the metrics that the SDK lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from tests.claude.wire import REQUEST, client
from tests.conftest import Telemetry

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic.Anthropic, "_gen_ai_provider_name"), reason="the SDK has no spans of its own yet"
)


def _plain(application: Any) -> None:
    application.messages.create(**REQUEST)


def _stream(application: Any) -> None:
    list(application.messages.create(**REQUEST, stream=True))


def _manager(application: Any) -> None:
    with application.messages.stream(**REQUEST) as stream:
        stream.get_final_message()


def _raw_stream(application: Any) -> None:
    with application.messages.with_streaming_response.create(**REQUEST, stream=True) as raw:
        list(raw.iter_bytes())


SURFACES = [_plain, _stream, _manager, _raw_stream]


def native(telemetry: Telemetry) -> anthropic.Anthropic:
    return client(open_telemetry={"tracer_provider": telemetry.tracer_provider})


@pytest.mark.parametrize("call", SURFACES)
def test_its_span_is_enriched(call: Callable[[Any], None], telemetry: Telemetry) -> None:
    telemetry.instrument(semconv="released")
    call(native(telemetry))
    (span,) = telemetry.spans
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "com.anthropic.sdk.python"
    assert telemetry.span["promptcache.result"] == "hit"
    assert telemetry.span["gen_ai.usage.cache_read.input_tokens"] == 1_000
    assert telemetry.total("gen_ai.client.token.usage", gen_ai__token__type="input") == 1_321
    durations = telemetry.metrics()["gen_ai.client.operation.duration"].values()
    assert [point.count for point in durations] == [1]


@pytest.mark.parametrize("call", SURFACES)
def test_what_it_says_itself_is_the_same_with_us(call: Callable[[Any], None], telemetry: Telemetry) -> None:
    call(native(telemetry))
    alone = telemetry.span
    alone.pop("gen_ai.response.time_to_first_chunk", None)
    telemetry.exporter.clear()
    telemetry.instrument()
    call(native(telemetry))
    beside = {name: value for name, value in telemetry.span.items() if name in alone}
    assert beside == alone


def test_without_it_the_span_is_ours(telemetry: Telemetry) -> None:
    telemetry.instrument()
    _plain(client(open_telemetry=False))
    (span,) = telemetry.spans
    assert span.name == f"chat {REQUEST['model']}"
