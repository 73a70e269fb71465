"""What is measured at calls of Anthropic's SDK: this package, the SDK's own spans, and other instrumentations."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.instrumentations import NOTHING, OURS
from benchmarks.telemetry import Telemetry
from otel_promptcache import instrument


@dataclass(frozen=True, slots=True)
class Variant:
    """One column of the comparison."""

    install: Callable[[Telemetry], object]
    """Instruments the SDK."""
    module: str = "anthropic"
    """The module that it needs."""
    has_native_spans: bool = False
    """The client makes the SDK's own spans."""

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:
            return False

    def client_settings(self, telemetry: Telemetry) -> dict[str, Any]:
        """What the client is made with, so that it makes spans of its own or none."""
        return (
            {"open_telemetry": {"tracer_provider": telemetry.tracer_provider}}
            if self.has_native_spans
            else {}
        )


def _nothing(_: Telemetry) -> None:
    """Leave the SDK alone."""


def _ours(telemetry: Telemetry) -> None:
    instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)


def _peer(module: str) -> Variant:
    def install(telemetry: Telemetry) -> None:
        importlib.import_module(module).AnthropicInstrumentor().instrument(
            tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
        )

    return Variant(install, module)


VARIANTS: Mapping[str, Variant] = {
    NOTHING: Variant(_nothing),
    OURS: Variant(_ours),
    "native": Variant(_nothing, has_native_spans=True),
    "native + ours": Variant(_ours, has_native_spans=True),
    "genai-anthropic": _peer("opentelemetry.instrumentation.genai.anthropic"),
    "openinference": _peer("openinference.instrumentation.anthropic"),
}
