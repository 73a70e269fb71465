"""The lower bound: only this package's signals, and so what they cost in OpenTelemetry's SDK alone.

The real instrumentation observes one call, and what it passes to the SDK is recorded. From then on, each request
passes the same again: one span with the same attributes, and the same values to the same histograms. Nothing is
read, hashed, compared or counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import wrapt
from openai._base_client import AsyncAPIClient, SyncAPIClient
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.trace import Span, Tracer

from benchmarks.telemetry import Telemetry
from benchmarks.transport import sync_client
from benchmarks.workloads import short_chat


@dataclass(slots=True)
class Signals:
    """What one call passes to the SDK."""

    name: str = ""
    at_start: Mapping[str, Any] = field(default_factory=dict)
    later: list[Mapping[str, Any]] = field(default_factory=list)
    values: list[tuple[Histogram, float, Mapping[str, Any]]] = field(default_factory=list)


def install(telemetry: Telemetry) -> None:
    """Make each request of the SDK emit the telemetry that one request of ours emitted."""
    signals = _observed(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("benchmarks.signals")
    for owner, wrapper in ((SyncAPIClient, _request), (AsyncAPIClient, _async_request)):
        hook = functools.partial(wrapper, tracer, signals)
        setattr(owner, "request", wrapt.FunctionWrapper(owner.request, hook))  # noqa: B010


def _observed(telemetry: Telemetry) -> Signals:
    workload, signals = short_chat(), Signals()
    with telemetry.instrumented(fingerprint_key="key"), sync_client(workload.answer) as client:
        workload.call(client)  # the first one is a miss
        with _noted(signals):
            workload.call(client)
    return signals


@contextmanager
def _noted(signals: Signals) -> Iterator[None]:
    start_span, set_attributes, record = Tracer.start_span, Span.set_attributes, Histogram.record

    def note_start(tracer: Tracer, name: str, *args: Any, attributes: Any = None, **kwargs: Any) -> Any:
        signals.name, signals.at_start = name, dict(attributes)
        return start_span(tracer, name, *args, attributes=attributes, **kwargs)

    def note_attributes(span: Span, attributes: Any) -> None:
        signals.later.append(dict(attributes))
        set_attributes(span, attributes)

    def note_value(histogram: Histogram, amount: float, attributes: Any, span: Any = None) -> None:
        signals.values.append((histogram, amount, attributes))
        record(histogram, amount, attributes, span)

    with (
        mock.patch.object(Tracer, "start_span", note_start),
        mock.patch.object(Span, "set_attributes", note_attributes),
        mock.patch.object(Histogram, "record", note_value),
    ):
        yield


@contextmanager
def _said(tracer: trace.Tracer, signals: Signals) -> Iterator[None]:
    span = tracer.start_span(signals.name, kind=trace.SpanKind.CLIENT, attributes=signals.at_start)
    token = context.attach(trace.set_span_in_context(span))
    yield
    for attributes in signals.later:
        span.set_attributes(attributes)
    context.detach(token)
    around = trace.set_span_in_context(span)
    for histogram, amount, attributes in signals.values:
        histogram.record(amount, attributes, around)
    span.end()


def _request(
    tracer: trace.Tracer, signals: Signals, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any
) -> Any:
    with _said(tracer, signals):
        return wrapped(*args, **kwargs)


async def _async_request(
    tracer: trace.Tracer, signals: Signals, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any
) -> Any:
    with _said(tracer, signals):
        return await wrapped(*args, **kwargs)
