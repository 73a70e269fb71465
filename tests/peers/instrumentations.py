"""The instrumentations under test, and the orders in which they can come and go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import permutations
from typing import Any

import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Official

from otel_promptcache import PromptCacheInstrumentor

from .emitted import OUR_SCOPE, Emitted, enriched, scopes

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
"""Each peer alone and both together, installed before and after us."""

ALLOW_UNAWAITED_PARSE = pytest.mark.filterwarnings(
    # Both peers call `parse()` of an asynchronous streaming response as if it were a synchronous one.
    "ignore:coroutine 'AsyncAPIResponse.parse' was never awaited:RuntimeWarning"
)


def innermost(installed: Collection[str]) -> str:
    """Whose span is the current one when a request is built, whatever was installed first."""
    return next(name for name in (OPENINFERENCE, OFFICIAL, OURS) if name in installed)


def emitters(installed: Collection[str]) -> list[str]:
    """The scopes that should emit one span each for a call: ours only if no other one does."""
    return sorted(SCOPES[name] for name in installed if name != OURS or len(installed) == 1)


def the_enriched_span(emitted: Emitted, installed: Collection[str]) -> Mapping[str, Any]:
    """The attributes of the span that has ours, once it is checked that one call left no other trace of us."""
    spans = emitted.spans()
    assert scopes(spans) == emitters(installed)
    is_alone = innermost(installed) == OURS
    assert bool(emitted.standard_metrics(OUR_SCOPE)) is is_alone
    (span,) = enriched(spans)
    assert span.instrumentation_scope.name == SCOPES[innermost(installed)]
    return span.attributes


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
