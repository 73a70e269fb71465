"""One inference as the host issued it: what is seen of it, and when it is over."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from otel_promptcache.core.analyzer import CacheReport, analyze
from otel_promptcache.core.examination import Diagnosis, Examination
from otel_promptcache.core.exchange import Reply, RequestFacts, Timing
from otel_promptcache.core.fingerprint import PrefixIdentity
from otel_promptcache.core.policy import CachePolicy, policy_for
from otel_promptcache.core.pricing import ModelPrice
from otel_promptcache.core.usage import TokenUsage
from otel_promptcache.guard import guarded
from otel_promptcache.prefix import current_prefix_name
from otel_promptcache.providers.base import Json, WireFormat, mapping, string
from otel_promptcache.providers.body import END_OF_STREAM, Body, body_reader
from otel_promptcache.providers.openai_content import cache_options
from otel_promptcache.providers.registry import azure_deployment, provider_name
from otel_promptcache.providers.usage_event_filter import UsageEventFilter
from otel_promptcache.telemetry.spans import CallSpan

if TYPE_CHECKING:
    from otel_promptcache.observer import Observer

_NOT_REPORTED = TokenUsage()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes."""

    host: str
    port: int | None
    path: str


class Call:
    """One inference as the host issued it, retries included. Ends exactly once, whoever ends it."""

    def __init__(self, observer: Observer, wire: WireFormat) -> None:
        self.guard = observer.guard
        self._additions: Json | None = None
        self._usage_event_filter: UsageEventFilter | None = None
        self._observer = observer
        self._wire = wire
        self._prefix_name = current_prefix_name()
        self._started_ns = time.time_ns()
        self._started = self._last_activity = time.perf_counter()
        self._facts = RequestFacts(wire.operation, provider="openai", api_type=wire.api_type)
        self._is_request_read = False
        self._prefix: PrefixIdentity | None = None
        self._examination: Examination | None = None
        # A call that fails before its request is built was never sent: it is counted, but has no span.
        self._span = CallSpan.absent()
        self._body: Body | None = None
        self._reply = Reply()
        self._usage: TokenUsage | None = None
        self._first_chunk_seconds: float | None = None
        self._first_token_seconds: float | None = None
        self._is_answered = False
        self._report: CacheReport | None = None
        self._has_ended = False

    @property
    def watches_body(self) -> bool:
        """The body of the response is to be shown to the call as it arrives."""
        return self._body is not None

    # The request.

    @guarded
    def request(self, body: object, address: Address) -> None:
        """Read the final request body, once; it is not kept. Opens the span of the call."""
        if self._is_request_read:  # a retry sends the same again
            return
        self._is_request_read = True
        request = mapping(json.loads(body) if isinstance(body, bytes) else body)
        self._facts = RequestFacts(
            operation=self._wire.operation,
            provider=provider_name(address.host),
            api_type=self._wire.api_type,
            model=string(request.get("model")) or azure_deployment(address.path),
            service_tier=string(request.get("service_tier")),
            host=address.host,
            port=address.port,
            is_stream=request.get("stream") is True,
        )
        self._examine(request)
        self._span = self._observer.emitter.open(
            self._facts, self._prefix, self._prefix_name, self._started_ns
        )

    @guarded
    def _examine(self, request: Json) -> None:
        facts = self._facts
        segments = tuple(self._wire.segments(request))
        self._prefix = self._observer.fingerprinter.identify(segments)
        scope = replace(
            self._wire.scope(request), provider=facts.provider, host=facts.host or "", model=facts.model or ""
        )
        self._examination = Examination(
            self._observer.index,
            segments,
            scope,
            cache_options(request),
            self._prefix.fingerprint,
            self._started,
        )

    @guarded
    def additions(self, body: object) -> Json:
        """What to add to the request because a setting allows it, the same for each attempt; mostly nothing."""
        if self._additions is None:
            self._additions = {
                **self._usage_addition(mapping(body)),
                **self._diagnostics_addition(mapping(body)),
            }
        return self._additions

    def _usage_addition(self, request: Json) -> Json:
        options = mapping(request.get("stream_options"))
        is_silent_stream = self._wire.usage_needs_include_usage and request.get("stream") is True
        if not self._observer.stream_usage or not is_silent_stream or "include_usage" in options:
            return {}
        self._usage_event_filter = UsageEventFilter()
        return {"stream_options": {**options, "include_usage": True}}

    def _diagnostics_addition(self, request: Json) -> Json:
        options = mapping(request.get("prompt_cache_options"))
        earlier = self._examination and self._examination.comparable_response_id
        can_ask = self._wire.has_diagnostics and self._policy().has_exact_boundaries
        if not can_ask or not earlier or "comparison_response_id" in options:
            return {}
        if not self._observer.draws_request_diagnostics():
            return {}
        return {"prompt_cache_options": {**options, "comparison_response_id": earlier}}

    # The response.

    @guarded
    def response(self, content: bytes) -> None:
        """Read a whole response."""
        self._is_answered = True
        self._last_activity = time.perf_counter()
        self._read(json.loads(content))
        self._settle()

    @guarded
    def response_opened(self, *, content_encoding: str, is_event_stream: bool) -> None:
        """Prepare for a body that has not been read yet."""
        self._is_answered = True
        self._body = body_reader(content_encoding=content_encoding, is_event_stream=is_event_stream)

    @guarded
    def chunk(self, data: bytes) -> None:
        """Look at bytes of the body on their way to the application."""
        if self._has_ended or self._body is None:
            return
        self._last_activity = time.perf_counter()
        if self._first_chunk_seconds is None:
            self._first_chunk_seconds = self._last_activity - self._started
        for document in self._body.feed(data):
            self._document(document)

    @property
    def hides_usage_event(self) -> bool:
        """We asked for usage where the application did not, so the event that has it is not for it."""
        return self._usage_event_filter is not None

    @guarded
    def passed_on(self, data: bytes) -> bytes:
        """The bytes that the application gets for these; empty where an event is still incomplete."""
        return data if self._usage_event_filter is None else self._usage_event_filter.feed(data)

    @guarded
    def passed_on_at_the_end(self) -> bytes:
        """The bytes that were held back of an event that never became whole."""
        return b"" if self._usage_event_filter is None else self._usage_event_filter.rest()

    @guarded
    def body_ended(self) -> None:
        """The body was read to its end."""
        if self._body is not None and not self._has_ended:
            for document in self._body.close():
                self._document(document)
        self.end()

    def _document(self, document: bytes) -> None:
        if document.startswith(END_OF_STREAM):
            if self._usage is None and self._wire.usage_needs_include_usage:
                self._observer.explain_missing_usage()
            self.end()
        elif self._first_token_seconds is None or self._wire.late_events.search(document):
            message = mapping(json.loads(document))
            self._read(message)
            if self._first_token_seconds is None and self._wire.has_token(message):
                self._first_token_seconds = self._last_activity - self._started
                self._admit()
            if self._wire.is_terminal(message):
                self.end()

    def _read(self, message: object) -> None:
        self._reply = self._reply.updated(self._wire.reply(mapping(message)))
        self._read_usage(mapping(message))

    @guarded
    def _read_usage(self, message: Json) -> None:
        self._usage = self._wire.usage(message) or self._usage

    # The end.

    @guarded
    def detach(self) -> None:
        """Stop being the current span of the context that sent the request."""
        self._span.detach()

    @guarded
    def left(self, error: BaseException | None) -> None:
        """The host's call returned or raised; a body that is still to come goes on being watched."""
        if error is not None or self._body is None:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the call with what was seen; only the first end counts."""
        if not self._has_ended:
            self._has_ended = True
            if error is not None:
                self._last_activity = time.perf_counter()
            self._record(error)

    def dropped(self) -> None:
        """The body was closed or garbage-collected, perhaps before its end; may be called from anywhere."""
        if not self._has_ended:
            self._observer.hand_over(self)

    @guarded
    def _admit(self) -> None:
        """Tell that the provider has processed the prompt, so that later ones are measured by it."""
        if self._examination is not None:
            self._examination.answered(self._reply, self._policy(), self._last_activity)

    @guarded
    def _settle(self) -> None:
        """Judge the call and write it to its span, which may be another's and end before the call does."""
        if self._is_answered:
            self._admit()
        usage = self._usage or _NOT_REPORTED
        self._report = analyze(
            prefix=self._prefix,
            prefix_name=self._prefix_name,
            usage=usage,
            diagnosis=self._diagnose(usage) or Diagnosis(),
            policy=self._policy(),
            price=self._price(),
            is_answered=self._is_answered,
        )
        self._observer.emitter.describe(self._span, self._reply, self._report, self._timing())

    @guarded
    def _diagnose(self, usage: TokenUsage) -> Diagnosis | None:
        if self._examination is None:
            return None
        return self._examination.judge(usage, self._reply.diagnosis, self._policy())

    @guarded
    def _price(self) -> ModelPrice | None:
        at = datetime.fromtimestamp(self._started_ns / 1e9, timezone.utc)
        return self._observer.prices.resolve(
            self._facts.provider, self._model, self._reply.service_tier, at, host=self._facts.host
        )

    @property
    def _model(self) -> str:
        """The model that answered, else the one that was asked."""
        return self._reply.model or self._facts.model or ""

    def _policy(self) -> CachePolicy:
        return policy_for(self._facts.provider, self._model, self._observer.policies)

    @guarded
    def _record(self, error: BaseException | None) -> None:
        error_type = self._reply.error_type if error is None else type(error).__qualname__
        if self._report is None:
            self._settle()
        span, timing = self._span, self._timing()
        span.detach()
        try:
            if self._report is not None:
                self._observer.emitter.record(
                    span, self._facts, self._reply, self._report, timing, error_type
                )
        finally:
            if self._examination is not None:
                self._examination.close()
            span.end(self._started_ns + int(timing.duration_seconds * 1e9), error_type)

    def _timing(self) -> Timing:
        return Timing(
            self._last_activity - self._started, self._first_chunk_seconds, self._first_token_seconds
        )
