"""One inference as the host issued it: what is seen of it, and when it is over."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone

from otel_promptcache.amendments import Amendments
from otel_promptcache.answer import Answer
from otel_promptcache.core.analyzer import CacheReport, analyze, gateway_hit
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import RequestFacts, Timing
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.core.prompt.segments import CacheScope, Settings
from otel_promptcache.guard import guarded, struck_from_outside
from otel_promptcache.prefix import current_prefix_name
from otel_promptcache.providers.profiles import OTHER
from otel_promptcache.reader import Reader
from otel_promptcache.shared import Shared
from otel_promptcache.telemetry.spans import CallSpan
from otel_promptcache.wire.format import Json, WireFormat, mapping
from otel_promptcache.wire.gateways import NO_GATEWAY, GatewayAnswer
from otel_promptcache.wire.request import RequestContent, read_request

_NOT_REPORTED = TokenUsage()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes."""

    host: str
    port: int | None
    path: str
    account: int = 0
    """A hash of the keys, the organisation and the project; it means something in this process only."""
    settings: Settings = ()
    """Those in headers."""


class Call:
    """One inference as the host issued it, retries included. Ends exactly once, whoever ends it."""

    def __init__(self, shared: Shared, wire: WireFormat) -> None:
        self.guard = shared.guard
        self._shared = shared
        self._wire = wire
        self._prefix_name = current_prefix_name()
        self._started_ns = time.time_ns()
        self._started = self._attempt_started = self._last_activity = time.perf_counter()
        self._facts = RequestFacts(wire.operation, provider="openai", api_type=wire.api_type)
        self._is_request_read = False
        self.amendments = Amendments(shared, wire)
        self._prefix: PrefixIdentity | None = None
        self._examination: Examination | None = None
        self._scope: CacheScope | None = None
        # A call that fails before its request is built was never sent: it is counted, but has no span.
        self._span = CallSpan.absent()
        self._answer = Answer(shared.guard, wire)
        self._gateway = NO_GATEWAY
        self._report: CacheReport | None = None
        self._has_ended = False
        self._ending = threading.Lock()
        """Taken by the one who ends the call, and never given back."""
        self._reader: Reader | None = None
        self._pid = os.getpid()

    # The request.

    @guarded
    def request(self, body: object, address: Address, is_measured_by_another: bool) -> None:  # noqa: FBT001  # the seam's
        """Read the final request body, once; it is not kept. Opens the span of the call."""
        if self._is_request_read:  # a retry sends the same again
            return
        self._is_request_read = True
        decoded = mapping(json.loads(body) if isinstance(body, bytes) else body)
        request = read_request(self._wire, decoded, address.path)
        self._facts = RequestFacts(
            operation=self._wire.operation,
            provider=self._shared.providers.resolve(
                address.host, address.port, request.model, is_deployment=request.is_deployment
            ),
            api_type=self._wire.api_type,
            model=request.model,
            service_tier=request.service_tier,
            host=address.host,
            port=address.port,
            is_stream=request.is_stream,
        )
        self._examine(request, address)
        self._span = self._shared.emitter.open(
            self._facts,
            self._prefix,
            self._prefix_name,
            self._started_ns,
            is_measured_by_another=is_measured_by_another,
            scope=self._scope,
        )
        self._shared.endings.opened(self)

    @guarded
    def _examine(self, request: RequestContent, address: Address) -> None:
        facts, fingerprinter = self._facts, self._shared.fingerprinter
        host = address.host if address.port is None else f"{address.host}:{address.port}"
        customer = self._shared.accounts.customer(host, address.account)
        prompt, segments = self._shared.hasher.hash(request.read_blocks, customer)
        self._prefix = fingerprinter.recall(prompt.leading) or fingerprinter.identify(
            request.read_segments(), prompt.leading
        )
        if not prompt.is_whole:
            return
        self._scope = scope = request.scope._replace(
            provider=facts.provider,
            host=host,
            model=facts.model or "",
            settings=tuple(sorted((*request.scope.settings, *address.settings))),
        )
        policy = self._shared.policy_of(facts.provider, facts.model or "", None)
        self._examination = Examination(
            self._shared.index,
            SentPrompt(prompt, scope, request.options, self._prefix.fingerprint, account=customer),
            segments,
            self._started,
            has_boundaries=policy.has_exact_boundaries or not policy.is_known,
            keeps_names=self._shared.path_names,
        )

    @guarded
    def attempt_begins(self) -> None:
        """Note that the request is sent: for the first time, or again after a failure."""
        self._attempt_started = time.perf_counter()

    @guarded
    def diagnostics_addition(self, body: object) -> Json | None:
        """What to add to the request for the provider's diagnostics, the same for each attempt; mostly nothing."""
        earlier = self._examination and self._examination.comparable_response_id
        return self.amendments.diagnostics(body, earlier, self._policy)

    # The response.

    @guarded
    def gateway(self, said: GatewayAnswer) -> None:
        """Note what a gateway says of the response that follows."""
        self._gateway = said

    @guarded
    def response(self, content: bytes) -> None:
        """Read a whole response."""
        self._last_activity = time.perf_counter()
        self._answer.read(content)
        self._settle()

    @guarded
    def response_opened(self, content_encoding: str) -> None:
        """Prepare for a body that has not been read yet."""
        self._answer.open(content_encoding)
        self.amendments.body_opened(content_encoding)
        self._shared.endings.body_opened()

    @guarded
    def reading_begins(self) -> None:
        """The application begins to read the body."""
        self._reader = Reader()

    @guarded
    def chunk(self, data: bytes) -> None:
        """Look at bytes of the body on their way to the application."""
        if self._has_ended:
            return
        self._last_activity = time.perf_counter()
        if self._answer.passes_over(data):
            return
        had_token = self._answer.first_token_at is not None
        self._answer.feed(data, self._last_activity)
        if self._answer.is_complete:
            self.end()
        elif not had_token and self._answer.first_token_at is not None:
            self._admit(self._policy())

    @guarded
    def body_ended(self) -> None:
        """The body was read to its end."""
        if not self._has_ended:
            self._answer.end(self._last_activity)
        self.end()

    # The end.

    @guarded
    def detach(self) -> None:
        """Stop being the current span of the context that sent the request."""
        self._span.detach()

    def left(self, error: BaseException | None) -> None:
        """The host's call returned or raised; a body that is still to come goes on being watched."""
        if error is not None or not self._answer.is_watched:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the call with what was seen; only the first end counts.

        An error is what the provider or the network did. If the application went away, by cancellation or an
        exception of its own, the call is abandoned.
        """
        if error is None or (isinstance(error, Exception) and not struck_from_outside(error)):
            self._end(error, is_abandoned=False)
        else:
            # A pending coroutine may be closed by the garbage collector.
            self._shared.endings.closed(self)

    def closed(self) -> None:
        """The body was closed, perhaps before its end; may be called from anywhere."""
        if not self._has_ended:
            self._shared.endings.closed(self)

    def abandon(self) -> None:
        """End the call because the application left it; only the first end counts."""
        self._end(None, is_abandoned=True)

    @property
    def is_left(self) -> bool:
        """The body is not read any more: whoever read it is gone, or is the one who asks."""
        return self._reader is not None and self._reader.is_gone()

    def _end(self, error: Exception | None, *, is_abandoned: bool) -> None:
        # A forked child has copies of its parent's open calls; they are the parent's to report.
        if self._has_ended or os.getpid() != self._pid or not self._ending.acquire(blocking=False):
            return
        self._has_ended = True
        self._shared.endings.ended(self)
        if error is not None:
            self._last_activity = time.perf_counter()
        self._record(error, is_abandoned=is_abandoned)

    @guarded
    def _admit(self, policy: CachePolicy) -> None:
        """Tell that the provider has processed the prompt, so that later ones are measured by it."""
        if self._examination is not None and not self._gateway.is_from_own_cache:
            self._examination.answered(self._answer.reply, policy, self._last_activity)

    @guarded
    def _settle(self) -> None:
        """Judge the call and write it to its span, which may be another's and end before the call does."""
        answer, policy, gateway = self._answer, self._policy(), self._gateway
        cost_usd = gateway.cost_usd if answer.reply.cost_usd is None else answer.reply.cost_usd
        if cost_usd is not None or gateway.saved_usd is not None:
            self._shared.emitter.describe_gateway(self._span, cost_usd, gateway.saved_usd)
        if gateway.is_from_own_cache:
            if self._examination is not None:
                self._examination.answered_elsewhere()
            self._report = gateway_hit(self._prefix, self._prefix_name)
            self._shared.emitter.describe(self._span, answer.reply, self._report, self._timing())
            return
        is_processed = answer.is_processed
        if is_processed:
            self._admit(policy)
        usage = answer.usage or _NOT_REPORTED
        reporters, reporter = self._shared.reporters, (self._facts.host or "", self._model)
        if usage.cache_read_tokens is None or reporter not in reporters.known:
            usage = reporters.completed(usage, *reporter)
        self._report = analyze(
            prefix=self._prefix,
            prefix_name=self._prefix_name,
            usage=usage,
            diagnosis=self._diagnose(usage, policy) or Diagnosis(),
            policy=policy,
            price=self._price(),
            is_answered=is_processed,
            usage_error=answer.usage_error,
        )
        self._shared.emitter.describe(self._span, answer.reply, self._report, self._timing())

    @guarded
    def _diagnose(self, usage: TokenUsage, policy: CachePolicy) -> Diagnosis | None:
        if self._examination is None:
            return None
        return self._examination.judge(usage, self._answer.reply.diagnosis, policy)

    @guarded
    def _price(self) -> ModelPrice | None:
        facts, tier = self._facts, self._answer.reply.service_tier
        at = datetime.fromtimestamp(self._started_ns / 1e9, timezone.utc)
        provider = facts.provider if self._wire.has_list_price else OTHER
        return self._shared.prices.resolve(provider, self._model, tier, at, host=facts.host)

    @guarded
    def _record(self, error: Exception | None, *, is_abandoned: bool) -> None:
        if self._report is None:
            self._settle()
        if is_abandoned:
            self._shared.emitter.describe_abandoned(self._span)
        if self._answer.lacks_usage:
            self._shared.explain_missing_usage()
        reply, timing = self._answer.reply, self._timing()
        error_type = reply.error_type if error is None else type(error).__qualname__
        self._span.detach()
        try:
            if self._report is not None:
                self._shared.emitter.record(self._span, self._facts, reply, self._report, timing, error_type)
        finally:
            if self._examination is not None:
                self._examination.close()
            self._span.end(self._started_ns + int(timing.duration_seconds * 1e9), error_type)

    @property
    def _model(self) -> str:
        """The model that answered, else the one that was asked."""
        return self._answer.reply.model or self._facts.model or ""

    def _policy(self) -> CachePolicy:
        return self._shared.policy_of(self._facts.provider, self._model, self._facts.model)

    def _timing(self) -> Timing:
        started, chunk_at, token_at = (
            self._attempt_started,
            self._answer.first_chunk_at,
            self._answer.first_token_at,
        )
        return Timing(
            self._last_activity - self._started,
            None if chunk_at is None else chunk_at - started,
            None if token_at is None else token_at - started,
        )
