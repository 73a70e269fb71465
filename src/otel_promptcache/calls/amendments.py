"""What is added to one request because a setting allows it, and what part of the answer is hidden in return."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from typing import cast

from otel_promptcache.calls.shared import Shared
from otel_promptcache.core.prompt.serial import NotJsonError
from otel_promptcache.guard import guarded
from otel_promptcache.wire.body import is_plain
from otel_promptcache.wire.format import Json, WireFormat
from otel_promptcache.wire.openai.additions import usage_addition
from otel_promptcache.wire.openai.usage_event_filter import UsageEventFilter


class Amendments:
    """The additions to one request, the same for each attempt to send it; usually there are none."""

    def __init__(self, shared: Shared, wire: WireFormat) -> None:
        self.guard = shared.guard
        self._shared = shared
        self._wire = wire
        self._diagnostics: Json | None = None
        self._usage_event_filter: UsageEventFilter | None = None
        self.hides_usage_event = False
        """We asked for usage and the application did not, so the event with it must be hidden."""

    @guarded
    def usage(self, body: object) -> Json:
        """What to add so that a stream reports its usage."""
        if not self._shared.stream_usage or not isinstance(body, Mapping):
            return {}
        try:
            added = usage_addition(self._wire, cast("Json", body))
        except NotJsonError:  # what it asks for is known to the SDK only
            return {}
        if added and self._usage_event_filter is None:
            self._usage_event_filter, self.hides_usage_event = UsageEventFilter(), True
        return added

    @guarded
    def diagnostics(
        self, body: object, earlier_response_id: str | None, is_answered: Callable[[], bool]
    ) -> Json:
        """What to add so that the provider says why it did not read the prompt from its cache.

        Args:
            body: The request.
            earlier_response_id: Of the response to compare with; None if there is none.
            is_answered: Tells whether the provider answers such a question.
        """
        ask_why = self._wire.ask_why
        if not self._shared.request_diagnostics or ask_why is None or not isinstance(body, Mapping):
            return {}
        if self._diagnostics is None:
            self._diagnostics = {}
            is_drawn = random.random() < self._shared.request_diagnostics  # noqa: S311  # a sample, not a secret
            if is_drawn and is_answered():
                with contextlib.suppress(NotJsonError):
                    self._diagnostics = ask_why(cast("Json", body), earlier_response_id)
        return self._diagnostics

    def body_opened(self, content_encoding: str) -> None:
        """Hide nothing of an encoded body: the application asked for the encoding, and it cannot be cut."""
        if not is_plain(content_encoding):
            self._usage_event_filter, self.hides_usage_event = None, False

    def cut(self, content: bytes) -> bytes:
        """The whole body of a response as the application gets it."""
        pieces = self.passed_on(content)
        return content if pieces is None else b"".join([*pieces, *(self.passed_on_at_the_end() or ())])

    @guarded
    def passed_on(self, data: bytes) -> list[bytes]:
        """The chunks that the application gets now; none while an event is undecided."""
        return [data] if self._usage_event_filter is None else self._usage_event_filter.feed(data)

    @guarded
    def passed_on_at_the_end(self) -> list[bytes]:
        """The chunks that were held back of an event that was never completed."""
        return [] if self._usage_event_filter is None else self._usage_event_filter.rest()
