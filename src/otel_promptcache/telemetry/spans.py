"""The span of a call: our own, or the one that another GenAI instrumentation already opened for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import cast

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from otel_promptcache.telemetry.names import ERROR_TYPE, OPENINFERENCE_SPAN_KIND, OPERATION_NAME, SCOPE_NAME

_INFERENCE_OPERATIONS = frozenset({"chat", "text_completion", "generate_content"})


def is_suppressed() -> bool:
    """Whether the application asked for no instrumentation in the current context."""
    return not is_instrumentation_enabled()


def inference_span_in_progress() -> Span | None:
    """The current span, if it is that of another instrumentation around this very inference.

    Spans of agents and tools do not count: they contain an inference, but are not one. Nor does a span of
    ours: a call that the SDK makes inside another one is a call of its own.
    """
    span = trace.get_current_span()
    # Only the SDK's spans can be read; the API has no attribute access.
    attributes = cast("Mapping[str, object] | None", getattr(span, "attributes", None))
    scope = getattr(span, "instrumentation_scope", None)
    if not span.is_recording() or not attributes or (scope is not None and scope.name == SCOPE_NAME):
        return None
    is_inference = (
        attributes.get(OPERATION_NAME) in _INFERENCE_OPERATIONS
        or attributes.get(OPENINFERENCE_SPAN_KIND) == "LLM"
    )
    return span if is_inference else None


class CallSpan:
    """Where the attributes of one call go."""

    def __init__(self, span: Span, *, is_own: bool) -> None:
        self._span = span
        self._token: Token[Context] | None = None
        self.is_own = is_own
        """False where the span is another instrumentation's: it is enriched, but never ended by us."""

    @classmethod
    def open(
        cls, tracer: Tracer, name: str, attributes: Mapping[str, AttributeValue | None], start_ns: int
    ) -> CallSpan:
        """Join the inference span in progress, or start one and make it current until `detach`.

        The attributes are those of an own span; a sampler gets to see them.
        """
        if joined := inference_span_in_progress():
            return cls(joined, is_own=False)
        span = tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes=_known(attributes), start_time=start_ns
        )
        opened = cls(span, is_own=True)
        opened._token = context.attach(opened.context)
        return opened

    @classmethod
    def absent(cls) -> CallSpan:
        """No span at all: whatever is written to it is dropped."""
        return cls(trace.INVALID_SPAN, is_own=False)

    @property
    def context(self) -> Context:
        """A context with this span in it, for exemplars."""
        return trace.set_span_in_context(self._span)

    def set(self, attributes: Mapping[str, AttributeValue | None]) -> None:
        """Write attributes; None means that there is nothing to say."""
        if self._span.is_recording():
            self._span.set_attributes(_known(attributes))

    def detach(self) -> None:
        """Stop being the current span, in the context that opened it; a second call does nothing."""
        if self._token is not None:
            token, self._token = self._token, None
            context.detach(token)

    def end(self, end_ns: int, error_type: str | None) -> None:
        """End an own span. The error's message is left out: it may quote the prompt."""
        if not self.is_own:
            return
        if error_type is not None:
            self._span.set_attribute(ERROR_TYPE, error_type)
            self._span.set_status(StatusCode.ERROR)
        self._span.end(end_ns)


def _known(attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    return {key: value for key, value in attributes.items() if value is not None}
