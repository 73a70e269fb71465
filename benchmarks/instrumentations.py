"""The instrumentations that are measured: their requirements, and how an application installs each.

Content capture is off wherever it can be turned off.
"""

# ruff: noqa: PLC0415  # each environment has only one of these packages

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing the SDK here would hide what else imports it
    from benchmarks.telemetry import Telemetry

OURS, NOTHING, SIGNALS = "ours", "off again", "signals alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumentation:
    """One entry of the comparison."""

    name: str
    install: Callable[[Telemetry | None], object]
    """Instruments the SDK; if telemetry is None, as an application that has configured none."""
    distribution: str = ""
    """Name of the distribution package; empty if there is none."""
    requirement: str = ""
    """Lines of a requirements file, if the name alone is not enough."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are set before it is imported."""
    remark: str = ""
    """How it differs from the others in the comparison."""


def _nothing(_: Telemetry | None) -> None:
    """Leave the SDK alone: a comparison of off with off measures the noise."""


def _ours(telemetry: Telemetry | None) -> None:
    from otel_promptcache import instrument

    # Every setting except `semconv`, whose generations exclude each other.
    instrument(stream_usage=True, request_diagnostics=1.0, fingerprint_key="key", **_providers(telemetry))


def _signals(telemetry: Telemetry | None) -> None:
    if telemetry is not None:
        from benchmarks import signals

        signals.install(telemetry)


def _genai_openai(telemetry: Telemetry | None) -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**_providers(telemetry))


def _openai_v2(telemetry: Telemetry | None) -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**_providers(telemetry))


def _traceloop(telemetry: Telemetry | None) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**_providers(telemetry))


def _openinference(telemetry: Telemetry | None) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(**_providers(telemetry))


def _openlit(telemetry: Telemetry | None) -> None:
    import openlit
    from opentelemetry import metrics, trace

    if telemetry is not None:  # it uses the global providers
        trace.set_tracer_provider(telemetry.tracer_provider)
        metrics.set_meter_provider(telemetry.meter_provider)
    # An empty local price list: otherwise it would fetch one.
    openlit.init(capture_message_content=False, disable_events=True, pricing_json=os.devnull)


def _logfire(telemetry: Telemetry | None) -> None:
    import logfire

    outlets: dict[str, Any] = {}
    if telemetry is not None:
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        from benchmarks.telemetry import LatestMetricExporter

        # It always creates its own providers.
        reader = PeriodicExportingMetricReader(LatestMetricExporter())
        outlets["additional_span_processors"] = [telemetry.span_processor]
        outlets["metrics"] = logfire.MetricsOptions(additional_readers=[reader])
    logfire.configure(send_to_logfire=False, console=False, **outlets)
    logfire.instrument_openai()


def _langfuse(telemetry: Telemetry | None) -> None:
    import langfuse.openai  # instruments on import

    outlets: dict[str, Any] = {}
    if telemetry is not None:
        from opentelemetry.sdk.trace import TracerProvider

        # It always creates its own batch processor.
        outlets["tracer_provider"] = TracerProvider(shutdown_on_exit=False)
        outlets["span_exporter"] = telemetry.span_exporter
    client = langfuse.Langfuse(public_key="benchmark", secret_key="benchmark", **outlets)  # noqa: S106
    if telemetry is not None:
        telemetry.flush_by(client.flush)


def _providers(telemetry: Telemetry | None) -> dict[str, Any]:
    if telemetry is None:
        return {}
    return {"tracer_provider": telemetry.tracer_provider, "meter_provider": telemetry.meter_provider}


_CAPTURES = "captures content, which cannot be turned off"

INSTRUMENTATIONS: tuple[Instrumentation, ...] = (
    Instrumentation(name=NOTHING, install=_nothing),
    Instrumentation(
        name=OURS,
        distribution="otel-promptcache",
        requirement="--editable .",
        install=_ours,
        remark="every setting on",
    ),
    Instrumentation(
        name=SIGNALS,
        distribution="otel-promptcache",
        requirement="--editable .",
        install=_signals,
        remark="what ours says to OpenTelemetry's SDK, repeated without looking at anything: a lower bound",
    ),
    Instrumentation(
        name="genai-openai",
        distribution="opentelemetry-instrumentation-genai-openai",
        install=_genai_openai,
    ),
    Instrumentation(
        name="openai-v2",
        distribution="opentelemetry-instrumentation-openai-v2",
        requirement="opentelemetry-instrumentation-openai-v2\nhttpx<1\nopentelemetry-util-genai<1.2b0",
        remark="with httpx and an older opentelemetry-util-genai, without which it cannot be imported",
        install=_openai_v2,
    ),
    Instrumentation(
        name="traceloop",
        distribution="opentelemetry-instrumentation-openai",
        install=_traceloop,
        environment={"TRACELOOP_TRACE_CONTENT": "false"},
    ),
    Instrumentation(
        name="openinference",
        distribution="openinference-instrumentation-openai",
        install=_openinference,
        environment={"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"},
    ),
    Instrumentation(
        name="openlit",
        # Earlier releases do not declare which openai they support, and support only a very old one.
        distribution="openlit",
        requirement="openlit>=1.30",
        install=_openlit,
    ),
    Instrumentation(
        name="logfire",
        distribution="logfire",
        install=_logfire,
        # Otherwise Pydantic would import it with its first model, before the timing starts.
        environment={"PYDANTIC_DISABLE_PLUGINS": "logfire-plugin"},
        remark=_CAPTURES,
    ),
    Instrumentation(name="langfuse", distribution="langfuse", install=_langfuse, remark=_CAPTURES),
)


def by_name(name: str) -> Instrumentation:
    """The instrumentation of that name; raises `KeyError` if there is none."""
    return {each.name: each for each in INSTRUMENTATIONS}[name]
