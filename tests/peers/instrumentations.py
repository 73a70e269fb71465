"""The instrumentations that meet here, and the orders in which they can come and go."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Official

from otel_promptcache import PromptCacheInstrumentor

from .emitted import OUR_SCOPE, Emitted

OURS = "ours"
OFFICIAL = "official"
OPENINFERENCE = "openinference"

SCOPES = {
    OURS: OUR_SCOPE,
    OFFICIAL: "opentelemetry.instrumentation.genai.openai",
    OPENINFERENCE: "openinference.instrumentation.openai",
}

_INSTRUMENTORS = {OURS: PromptCacheInstrumentor, OFFICIAL: Official, OPENINFERENCE: OpenInference}

Order = tuple[str, ...]

ORDERS: tuple[Order, ...] = tuple(
    order
    for peers in ((OFFICIAL,), (OPENINFERENCE,), (OFFICIAL, OPENINFERENCE))
    for order in permutations((OURS, *peers))
)
"""Each peer alone and both at once, installed before and after us."""

ALLOW_UNAWAITED_PARSE = pytest.mark.filterwarnings(
    # Both peers call `parse()` of an asynchronous streaming response like that of a synchronous one.
    "ignore:coroutine 'AsyncAPIResponse.parse' was never awaited:RuntimeWarning"
)


def innermost(installed: Iterable[str]) -> str:
    """The peer whose span is current when a request is built, whatever came first."""
    return OPENINFERENCE if OPENINFERENCE in installed else OFFICIAL


def peer_scopes(installed: Iterable[str]) -> list[str]:
    """The scopes of the peers: who is to emit the spans of one call, one each."""
    return sorted(SCOPES[name] for name in installed if name != OURS)


class Instrumentations:
    """Installs and removes instrumentations of the SDK by name."""

    def __init__(self, emitted: Emitted) -> None:
        self._emitted = emitted
        self.installed: list[str] = []

    def install(self, *names: str, **our_settings: object) -> None:
        """Install them in this order."""
        for name in names:
            settings = {"strict": True, **our_settings} if name == OURS else {}
            _INSTRUMENTORS[name]().instrument(
                tracer_provider=self._emitted.tracer_provider,
                meter_provider=self._emitted.meter_provider,
                **settings,
            )
            self.installed.append(name)

    def remove(self, *names: str) -> None:
        """Remove them in this order."""
        for name in names:
            _INSTRUMENTORS[name]().uninstrument()
            self.installed.remove(name)
