"""Every instrumentation that is measured: what it needs, and how an application would install it.

Content capture is off wherever that can be chosen.
"""

# ruff: noqa: PLC0415  # each environment has one of these packages

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing the SDK for nothing would hide who else imports it
    from benchmarks.telemetry import Telemetry

OURS, NOTHING, SIGNALS = "ours", "off again", "signals alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumentation:
    """One entry of the comparison."""

    name: str
    install: Callable[[Telemetry | None], object]
    """Instruments the SDK; without telemetry as an application would that has configured none."""
    distribution: str = ""
    """The package, as it is called where packages are published; empty for none."""
    requirement: str = ""
    """How it is asked for, where that is not just its name; a line of a requirements file."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that are set before it is imported."""
    remark: str = ""
    """What is not as it is for the others."""


def _nothing(_: Telemetry | None) -> None:
    """Leave the SDK alone: the difference between off and off is the noise."""


def _ours(telemetry: Telemetry | None) -> None:
    from otel_promptcache import instrument

    # `semconv` is not among them: its generations exclude each other.
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

    if telemetry is not None:  # it takes the global ones
        trace.set_tracer_provider(telemetry.tracer_provider)
        metrics.set_meter_provider(telemetry.meter_provider)
    # A price list of its own, as it would fetch one otherwise.
    openlit.init(capture_message_content=False, disable_events=True, pricing_json=os.devnull)


def _logfire(telemetry: Telemetry | None) -> None:
    import logfire

    outlets: dict[str, Any] = {}
    if telemetry is not None:
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        from benchmarks.telemetry import LatestMetricExporter

        # It insists on providers of its own.
        reader = PeriodicExportingMetricReader(LatestMetricExporter())
        outlets["additional_span_processors"] = [telemetry.span_processor]
        outlets["metrics"] = logfire.MetricsOptions(additional_readers=[reader])
    logfire.configure(send_to_logfire=False, console=False, **outlets)
    logfire.instrument_openai()


def _langfuse(telemetry: Telemetry | None) -> None:
    import langfuse.openai  # instruments at once

    outlets: dict[str, Any] = {}
    if telemetry is not None:
        from opentelemetry.sdk.trace import TracerProvider

        # It insists on a batch processor of its own.
        outlets["tracer_provider"] = TracerProvider(shutdown_on_exit=False)
        outlets["span_exporter"] = telemetry.span_exporter
    client = langfuse.Langfuse(public_key="benchmark", secret_key="benchmark", **outlets)  # noqa: S106
    if telemetry is not None:
        telemetry.flush_by(client.flush)


def _providers(telemetry: Telemetry | None) -> dict[str, Any]:
    if telemetry is None:
        return {}
    return {"tracer_provider": telemetry.tracer_provider, "meter_provider": telemetry.meter_provider}


_CAPTURES = "captures content, which cannot be chosen"

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
        remark="what ours says to OpenTelemetry's SDK, said again without looking at anything: a floor",
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
        remark="beside httpx and an older opentelemetry-util-genai, without which it does not import",
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
        # Releases before this one do not say which openai they are for, and are for one of long ago.
        distribution="openlit",
        requirement="openlit>=1.30",
        install=_openlit,
    ),
    Instrumentation(
        name="logfire",
        distribution="logfire",
        install=_logfire,
        # Pydantic would import it with its first model, before anything is timed.
        environment={"PYDANTIC_DISABLE_PLUGINS": "logfire-plugin"},
        remark=_CAPTURES,
    ),
    Instrumentation(name="langfuse", distribution="langfuse", install=_langfuse, remark=_CAPTURES),
)


def by_name(name: str) -> Instrumentation:
    """The one of that name; raises `KeyError` where there is none."""
    return {each.name: each for each in INSTRUMENTATIONS}[name]
