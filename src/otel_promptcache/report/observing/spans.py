"""Spans that write themselves to the spool. They use no SDK, so the program's limits and switches do not apply."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, Span, Tracer, TracerProvider
from opentelemetry.util.types import AttributeValue

from otel_promptcache.report.observing.call_site import call_site
from otel_promptcache.report.observing.spool import Spool
from otel_promptcache.report.reading.attributes import READ, RUN_CALL_SITE


class SpoolTracerProvider(TracerProvider):
    """Its spans are written to the spool when they end."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """Return a tracer; the arguments do not matter."""
        return _SpoolTracer(self._spool)


class _SpoolTracer(Tracer):
    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        *args: Any,
        attributes: Mapping[str, AttributeValue] | None = None,
        start_time: int | None = None,
        **kwargs: Any,
    ) -> Span:
        del name, context, args, kwargs
        known = dict(attributes or {})
        if (site := call_site()) is not None:
            known[RUN_CALL_SITE] = site
        return _SpoolSpan(self._spool, known, start_time or time.time_ns())

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("calls open their spans with start_span")


class _SpoolSpan(NonRecordingSpan):
    def __init__(self, spool: Spool, attributes: dict[str, AttributeValue], start_ns: int) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._spool = spool
        self._attributes = attributes
        self._start_ns = start_ns

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self._attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._attributes.update(attributes)

    def end(self, end_time: int | None = None) -> None:
        read = {name: value for name, value in self._attributes.items() if name in READ}
        self._spool.call(read, self._start_ns, end_time or time.time_ns())
