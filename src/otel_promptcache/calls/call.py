"""One inference as the host issued it: what is observed of it, and when it ends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from otel_promptcache.calls.address import Address
from otel_promptcache.calls.amendments import Amendments
from otel_promptcache.calls.answer import Answer
from otel_promptcache.calls.awaited import AnswerKey, AwaitedAnswers
from otel_promptcache.calls.inference import Inference
from otel_promptcache.calls.reader import Reader
from otel_promptcache.calls.shared import Shared
from otel_promptcache.core.analyzer import CacheReport
from otel_promptcache.core.exchange import Progress, Timing
from otel_promptcache.error_names import error_name
from otel_promptcache.guard import guarded, struck_from_outside
from otel_promptcache.telemetry.spans import CallSpan
from otel_promptcache.wire.format import Json, WireFormat
from otel_promptcache.wire.gateways import NO_GATEWAY, GatewayAnswer

_OPEN = (Progress.PENDING, Progress.UNDER_WAY)
"""The provider continues with an answer, whether or not anybody reads it."""


class Call:
    """One inference as the host issued it, retries included. Ends exactly once, no matter who ends it."""

    def __init__(self, shared: Shared, wire: WireFormat, awaited: AwaitedAnswers[Call]) -> None:
        self.guard = shared.guard
        self._shared = shared
        self._awaited = awaited
        self._address: Address | None = None
        """None until the request is read."""
        self._started_ns = time.time_ns()
        self._started = self._attempt_started = self._last_activity = time.perf_counter()
        self._inference = Inference(shared, wire)
        self.amendments = Amendments(shared, wire)
        # A call that fails before its request is built was never sent: it is counted, but has no span.
        self._span = CallSpan.absent()
        self._answer = Answer(shared.guard, wire)
        self._gateway = NO_GATEWAY
        self._report: CacheReport | None = None
        self._is_judged_early = False
        """The call was judged at the start of a stream, and its report is made again when more is known."""
        self.may_be_framed = wire.may_be_framed
        """The body may come in the frames of AWS."""
        self._has_early_usage = wire.has_early_usage
        self.has_answer = False
        """A good response has arrived."""
        self._has_ended = False
        self._ending = threading.Lock()
        """Taken by the one who ends the call, and never given back."""
        self._reader: Reader | None = None
        self._pid = os.getpid()

    # The request.

    @guarded
    def request(
        self,
        body: object,
        address: Address,
        is_measured_by_another: bool,  # noqa: FBT001  # the seam's
        sent: Callable[[], bytes | None] | None = None,
    ) -> None:
        """Read the final request body once, without keeping it, and open the span of the call.

        Args:
            body: What the application passed.
            address: Where it goes.
            is_measured_by_another: Another instrumentation records the conventions' metrics.
            sent: Returns the body as it is sent, or None, for one that only the SDK can write; None if nobody knows.
        """
        if self._address is not None:  # a retry sends the same again
            return
        self._address = address
        inference = self._inference
        is_read = inference.read(body, address, self._started)
        if not is_read and sent is not None and (written := sent()) is not None:
            inference.read(written, address, self._started)
        self._span = self._shared.emitter.open(
            inference.facts,
            inference.prefix,
            inference.prefix_name,
            self._started_ns,
            is_measured_by_another=is_measured_by_another,
        )
        self._shared.endings.opened(self)

    @guarded
    def attempt_begins(self) -> None:
        """Note that the request is sent: for the first time, or again after a failure."""
        self._attempt_started = time.perf_counter()
        self._inference.attempts += 1

    @guarded
    def diagnostics_addition(self, body: object) -> Json | None:
        """What to add to the request to get the provider's diagnostics, the same for each attempt; usually nothing."""
        if not self._shared.request_diagnostics:
            return None
        inference = self._inference
        return self.amendments.diagnostics(body, inference.comparable_response_id, inference.can_ask_why)

    # The response.

    @guarded
    def gateway(self, said: GatewayAnswer) -> None:
        """Note what a gateway says about the response that follows."""
        self._gateway = said

    @guarded
    def response(self, content: bytes) -> None:
        """Read a whole response."""
        self._last_activity = time.perf_counter()
        self.has_answer = True
        self._answer.read(content)
        self._settle()

    @guarded
    def response_opened(self, content_encoding: str, content_type: str = "") -> None:
        """Prepare for a body that has not been read yet."""
        self.has_answer = True
        self._reader = Reader()
        self._answer.open(content_encoding, content_type)
        self.amendments.body_opened(content_encoding)
        self._shared.endings.body_opened()

    @guarded
    def is_read(self) -> None:
        """The caller reads the first or second piece of the body."""
        if self._reader is not None:
            self._reader.reads()

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
            self._end_with(None)
        elif not had_token:
            if self._has_early_usage:
                self._settle_early()
            if self._answer.first_token_at is not None:
                self._admit()

    def _settle_early(self) -> None:
        """Judge the call by the start of its answer: a span that is not ours may end with the stream."""
        if self._is_judged_early or not self._answer.has_cached_count:
            return
        self._is_judged_early = True
        if self._span.is_own and not self._gateway.is_from_own_cache:
            self._inference.judge(self._answer.content(), self._last_activity)  # the rest follows at the end
        else:
            self._settle()

    @guarded
    def body_ended(self) -> None:
        """The body was read to its end."""
        try:
            if not self._has_ended:
                self._answer.end(self._last_activity)
        finally:
            self.end()

    # The end.

    @guarded
    def detach(self) -> None:
        """Stop being the current span of the context that sent the request."""
        self._span.detach()

    def left(self, error: BaseException | None) -> None:
        """The host's call returned or raised; a body that is yet to come is still watched."""
        if error is not None:
            self._end_with(error)
        elif not self._answer.is_watched:
            if self._address is None and not self.has_answer:
                self._forget()  # something in the application answered it: no request was built
            else:
                self.end()

    def unanswered(self) -> None:
        """No response will come any more, and nobody else ends the call; may be called from anywhere."""
        if not self._has_ended and not self.has_answer:
            self._shared.endings.end_by(self._forget)

    @guarded
    def _forget(self) -> None:
        """End a call of which nothing was seen, so nothing is said of it."""
        if not self._has_ended and self._ending.acquire(blocking=False):
            self._has_ended = True
            self._shared.endings.ended(self)
            self._inference.close()

    def end(self, error: BaseException | None = None) -> None:
        """The body ended or broke off: end the call with what was seen, or wait for the rest; the first end counts."""
        if self._answer.reply.progress not in _OPEN or not self._waits():
            self._end_with(error)

    def closed(self) -> None:
        """The body was closed, perhaps before its end; may be called from anywhere."""
        if not self._has_ended and (self._answer.reply.progress not in _OPEN or not self._waits()):
            self._shared.endings.closed(self)

    def abandon(self) -> None:
        """End the call because the application left it; only the first end counts."""
        self._end(None, is_abandoned=not self._answer.lacks_only_its_end)

    @property
    def is_left(self) -> bool:
        """The body is no longer being read: its reader is gone, or is the caller of this."""
        return self._reader is not None and self._reader.is_gone()

    def resume(self) -> None:
        """Prepare for the rest of the answer that the call waits for."""
        self._answer.resume()
        self._report = None

    @guarded
    def _waits(self) -> bool:
        """Start to wait for an answer that can be fetched later; return whether the call does so."""
        answer, reply, address = self._answer, self._answer.reply, self._address
        if address is None or reply.response_id is None or self._has_ended:
            return False
        if answer.is_complete or reply.error_type is not None or self._gateway.is_from_own_cache:
            return False
        is_pending = reply.progress is Progress.PENDING
        if not is_pending and not self._inference.is_background:
            return False
        self._reader = None
        self._inference.put_aside(is_pending=is_pending)
        key = AnswerKey(address.host, address.port, address.account, reply.response_id)
        if (evicted := self._awaited.put(key, self)) is not None:
            self._shared.endings.closed(evicted)
        return True

    def _end_with(self, error: BaseException | None) -> None:
        """End the call with what was seen; only the first end counts.

        Errors are those of the provider or the network. If the application left, through cancellation or an
        exception of its own, the call is abandoned.
        """
        if error is None or (isinstance(error, Exception) and not struck_from_outside(error)):
            self._end(error, is_abandoned=False)
        else:
            # A pending coroutine may be closed by the garbage collector.
            self._shared.endings.closed(self)

    def _end(self, error: Exception | None, *, is_abandoned: bool) -> None:
        # A forked child has copies of its parent's open calls; they are the parent's to report.
        if self._has_ended or os.getpid() != self._pid or not self._ending.acquire(blocking=False):
            return
        self._has_ended = True
        if error is not None:
            self._last_activity = time.perf_counter()
        try:
            self._record(error, is_abandoned=is_abandoned)
        finally:
            self._shared.endings.ended(self)

    @guarded
    def _admit(self) -> None:
        """Note that the provider has processed the prompt, so that later ones are compared with it."""
        if not self._gateway.is_from_own_cache:
            self._inference.admit(self._answer.reply, self._last_activity)

    @guarded
    def _settle(self) -> None:
        """Judge the call and write the result to its span, which may not be ours and may end before the call does."""
        answer, gateway, emitter = self._answer.content(), self._gateway, self._shared.emitter
        cost_usd = gateway.cost_usd
        if cost_usd is None and not gateway.is_from_own_cache:  # which repeats the body, and with it the cost
            cost_usd = answer.reply.cost_usd
        if cost_usd is not None or gateway.saved_usd is not None:
            emitter.describe_gateway(self._span, cost_usd, gateway.saved_usd)
        if gateway.is_from_own_cache:
            self._report = self._inference.gateway_report()
        else:
            self._report = self._inference.report(answer, self._started_ns, self._last_activity)
        emitter.describe(self._span, answer.reply, self._report, self._timing())
        if (run := self._shared.run) is not None:
            self._span.set(self._inference.run_attributes(run, answer.reply.model))

    @guarded
    def _record(self, error: Exception | None, *, is_abandoned: bool) -> None:
        if self._report is None or self._is_judged_early:
            self._settle()
        if is_abandoned:
            self._shared.emitter.describe_abandoned(self._span)
        if self._answer.lacks_usage:
            self._shared.explain_missing_usage()
        reply, timing = self._answer.reply, self._timing()
        error_type = reply.error_type if error is None else error_name(error)
        self._span.detach()
        try:
            if self._report is not None:
                facts = self._inference.facts
                self._shared.emitter.record(self._span, facts, reply, self._report, timing, error_type)
        finally:
            self._inference.close()
            self._span.end(self._started_ns + int(timing.duration_seconds * 1e9), error_type)

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
