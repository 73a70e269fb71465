"""Answers that are fetched by separate requests: which calls wait for them, and how such a request is handled."""

from __future__ import annotations

from otel_promptcache.calls.address import Address
from otel_promptcache.calls.amendments import Amendments
from otel_promptcache.calls.awaited import AnswerKey, AwaitedAnswers
from otel_promptcache.calls.call import Call
from otel_promptcache.calls.shared import Shared
from otel_promptcache.guard import guarded
from otel_promptcache.wire.format import Json
from otel_promptcache.wire.gateways import GatewayAnswer
from otel_promptcache.wire.openai.responses import RESPONSES


class Fetch:
    """A request for the answer to a call: what it brings is passed to the call, if that still waits for it.

    The answer may not be there yet. A request that fails says nothing about it. The seam treats it like a `Call`.
    """

    def __init__(self, shared: Shared, awaited: AwaitedAnswers[Call], response_id: str) -> None:
        self.guard = shared.guard
        self.amendments = Amendments(shared, RESPONSES)
        self._awaited = awaited
        self._response_id = response_id
        self._address: Address | None = None
        self.may_be_framed = self.has_answer = False
        self._call: Call | None = None
        """The call that waits; None before the answer came, or if none does."""

    @guarded
    def request(
        self,
        body: object,  # noqa: ARG002  # the seam's
        address: Address,
        is_measured_by_another: bool,  # noqa: ARG002, FBT001  # the seam's
        sent: object = None,  # noqa: ARG002  # the seam's
    ) -> None:
        """Note where the answer is requested."""
        self._address = address

    def diagnostics_addition(self, body: object) -> Json | None:  # noqa: ARG002  # the seam's
        """Nothing is added."""
        return None

    def attempt_begins(self) -> None:
        """Nothing begins: the call began with its own request."""

    def unanswered(self) -> None:
        """The call still waits: a different request may bring its answer."""

    def gateway(self, said: GatewayAnswer) -> None:
        """What a gateway says of this request is not about the call."""

    @guarded
    def response(self, content: bytes) -> None:
        """Read a whole response."""
        if (call := self._take()) is not None:
            call.response(content)
            call.left(None)

    @guarded
    def response_opened(self, content_encoding: str, content_type: str = "") -> None:
        """Prepare for a body that has not been read yet."""
        self._call = self._take()
        if self._call is not None:
            self._call.response_opened(content_encoding, content_type)

    def is_read(self) -> None:
        """The caller reads the first or second piece of the body."""
        if self._call is not None:
            self._call.is_read()

    def chunk(self, data: bytes) -> None:
        """Look at bytes of the body on their way to the application."""
        if self._call is not None:
            self._call.chunk(data)

    def body_ended(self) -> None:
        """The body was read to its end."""
        if self._call is not None:
            self._call.body_ended()

    def closed(self) -> None:
        """The body was closed, perhaps before its end; may be called from anywhere."""
        if self._call is not None:
            self._call.closed()

    def end(self, error: BaseException | None = None) -> None:
        """The body broke off."""
        if self._call is not None:
            self._call.end(error)

    def detach(self) -> None:
        """The span of the call is not the current one here."""

    def left(self, error: BaseException | None) -> None:
        """The host's request returned or raised."""

    def _take(self) -> Call | None:
        """Take the call that waits for this answer; nothing else handles it from now on."""
        if self._address is None:
            return None
        address = self._address
        call = self._awaited.take(AnswerKey(address.host, address.port, address.account, self._response_id))
        if call is not None:
            call.resume()
        return call


Exchange = Call | Fetch
"""What the seam notifies about one request of the SDK."""
