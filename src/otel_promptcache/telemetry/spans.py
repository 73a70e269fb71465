"""The span of a call: our own, or the one that another GenAI instrumentation already opened for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from otel_promptcache.telemetry.exportable import Attributes, exportable, text
from otel_promptcache.telemetry.names import (
    ERROR_TYPE,
    OPENINFERENCE_SPAN_KIND,
    OPERATION_NAME,
    RESULT,
    SCOPE_NAME,
)

_INFERENCE_OPERATIONS = frozenset({"chat", "text_completion", "generate_content"})

_SDK_SCOPE = "com.anthropic.sdk."
"""How the scope begins of spans that an SDK starts for its own calls.

Source: anthropic 2.14.0, `_tracing.py`: it has spans and no metrics (checked 2026-11-25).
"""


def is_suppressed() -> bool:
    """Whether instrumentation is suppressed in the current context."""
    return not is_instrumentation_enabled()


def inference_span_in_progress() -> Span | None:
    """The current span, if it is that of another instrumentation around this very inference.

    Spans of agents and tools do not count: they contain an inference, but are not one. Nor does a span of
    ours: a call that the SDK makes inside another one is a separate call.
    """
    span = trace.get_current_span()
    if not span.is_recording():
        return None
    # Only the SDK's spans can be read; the API has no attribute access.
    attributes = cast("Mapping[str, object] | None", getattr(span, "attributes", None))
    scope = getattr(span, "instrumentation_scope", None)
    if not attributes or (scope is not None and scope.name == SCOPE_NAME):
        return None
    if RESULT.name in attributes:  # it has had its inference, so this is another one inside it
        return None
    is_inference = (
        attributes.get(OPERATION_NAME) in _INFERENCE_OPERATIONS
        or attributes.get(OPENINFERENCE_SPAN_KIND) == "LLM"
    )
    return span if is_inference else None


def _is_of_an_sdk(span: Span) -> bool:
    """Whether the SDK that makes the call started the span itself."""
    scope = getattr(span, "instrumentation_scope", None)
    return scope is not None and scope.name.startswith(_SDK_SCOPE)


class CallSpan:
    """The span that one call's attributes are written to."""

    __slots__ = ("_attached", "_outer", "_span", "is_measured_by_another", "is_own")

    def __init__(self, span: Span, *, is_own: bool, is_measured_by_another: bool) -> None:
        self._span = span
        self._attached = self._outer = _NOT_ATTACHED
        self.is_own = is_own
        """False if the span is another instrumentation's: it is enriched, but never ended by us."""
        self.is_measured_by_another = is_measured_by_another
        """Another instrumentation records the conventions' metrics of this call, whether or not its span records."""

    @classmethod
    def join(cls, *, is_measured_by_another: bool = False) -> CallSpan | None:
        """Join the inference span in progress; None if there is none, so that a span must be started.

        If the span is another instrumentation's, that one records the conventions' metrics also; an SDK does not.
        """
        joined = inference_span_in_progress()
        if joined is None:
            return None
        is_measured = is_measured_by_another or not _is_of_an_sdk(joined)
        return cls(joined, is_own=False, is_measured_by_another=is_measured)

    @classmethod
    def start(
        cls, tracer: Tracer, name: str, attributes: Attributes, start_ns: int, *, is_measured_by_another: bool
    ) -> CallSpan:
        """Start a span of our own and make it current until `detach`; a sampler sees the attributes."""
        span = tracer.start_span(
            text(name), kind=SpanKind.CLIENT, attributes=exportable(attributes), start_time=start_ns
        )
        started = cls(span, is_own=True, is_measured_by_another=is_measured_by_another)
        started._outer, started._attached = context.get_current(), started.context
        context.attach(started._attached)
        return started

    @classmethod
    def absent(cls) -> CallSpan:
        """No span at all: whatever is written to it is dropped."""
        return _ABSENT

    @property
    def context(self) -> Context:
        """A context with this span, for exemplars. Created each time: keeping it would keep the host's alive."""
        return trace.set_span_in_context(self._span)

    @property
    def is_recording(self) -> bool:
        """Whether attributes are recorded: not if the call is not sampled, nor after the end."""
        return self._span.is_recording()

    def set(self, attributes: Attributes) -> None:
        """Write attributes to a span that is recording; one that has ended would log a warning."""
        self._span.set_attributes(exportable(attributes))

    def detach(self) -> None:
        """Stop being the current span, if it is the current one here; a second call does nothing.

        A call may be left in a different context than it was entered in, or by the garbage collector. With the token
        of `context.attach`, OpenTelemetry would then log an error with a traceback, so it is not used.
        """
        attached, outer = self._attached, self._outer
        self._attached = self._outer = _NOT_ATTACHED
        if attached is not _NOT_ATTACHED and context.get_current() is attached:
            context.attach(outer)

    def end(self, end_ns: int, error_type: str | None) -> None:
        """End the span if it is our own. The error's message is left out: it may quote the prompt."""
        if not self.is_own:
            return
        if error_type is not None:
            self._span.set_attribute(ERROR_TYPE, text(error_type))
            self._span.set_status(StatusCode.ERROR)
        self._span.end(end_ns)


_NOT_ATTACHED = Context()
_ABSENT = CallSpan(trace.INVALID_SPAN, is_own=False, is_measured_by_another=True)
