"""What is seen of the response to one call, whole or as it arrives."""

from __future__ import annotations

from collections.abc import Iterable

from otel_promptcache.core.exchange import AnswerContent, Progress, Reply
from otel_promptcache.core.money.usage import InvalidUsageError, TokenUsage, UsageError
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.wire.anthropic.frames import CONTENT_TYPE as FRAMES_TYPE
from otel_promptcache.wire.anthropic.frames import FrameBody
from otel_promptcache.wire.body import END_OF_STREAM, Body, DocumentBody, SniffedBody, body_reader
from otel_promptcache.wire.format import AnswerPart, WireFormat, decoded
from otel_promptcache.wire.sse import BLANK_LINES, event_documents


class Answer:
    """Collects what a response says; times are from the caller's clock."""

    def __init__(self, guard: Guard, wire: WireFormat) -> None:
        self.guard = guard
        self.reply = Reply()
        self.usage: TokenUsage | None = None
        self.usage_error: UsageError | None = None
        """Why the reported usage is impossible."""
        self.has_come = False
        """A response with a successful status came."""
        self.first_chunk_at: float | None = None
        self.first_token_at: float | None = None
        """When the first non-empty piece of output of a stream came."""
        self.is_complete = False
        """The response itself said that nothing follows."""
        self._wire = wire
        self._body: Body | None = None

    @property
    def is_watched(self) -> bool:
        """Whether the body must be passed to `feed` as it arrives."""
        return self._body is not None

    def content(self) -> AnswerContent:
        """What has been said so far.

        A failed or deferred request was not processed, unless usage or output shows that it was.
        """
        reply, is_processed = self.reply, True
        if self.usage is None and self.first_token_at is None:
            has_begun = reply.progress is not Progress.PENDING and reply.progress is not Progress.CANCELLED
            is_processed = self.has_come and reply.error_type is None and has_begun
        return AnswerContent(reply, self.usage, self.usage_error, is_processed)

    @property
    def has_cached_count(self) -> bool:
        """Whether the number of cached tokens has been reported."""
        return self.usage is not None and self.usage.cache_read_tokens is not None

    @property
    def lacks_only_its_end(self) -> bool:
        """Whether the output has ended and the usage has come: some readers stop then."""
        return bool(self.reply.finish_reasons) and self.usage is not None

    @property
    def lacks_usage(self) -> bool:
        """Whether a stream ended without usage, because nobody asked for it."""
        is_good = self.is_complete and self.reply.error_type is None
        return is_good and self.usage is None and self._wire.usage_needs_include_usage

    def read(self, content: bytes) -> None:
        """Read a whole response.

        Raises:
            ValueError: It is not JSON.
        """
        self.has_come = True
        self._take(self._wire.read_answer(decoded(content)))

    def open(self, content_encoding: str, content_type: str = "") -> None:
        """Prepare for a body that has not been read yet."""
        self.has_come = True
        is_framed = content_type.startswith(FRAMES_TYPE)
        self._body = FrameBody() if is_framed else body_reader(content_encoding)

    def resume(self) -> None:
        """Prepare for more of the same answer, in the body of another response."""
        self._body, self.is_complete = None, False

    def passes_over(self, data: bytes) -> bool:
        """Whether these bytes of the body bring only more output, so that `feed` need not see them.

        Most chunks of a stream do. Nothing is extracted from them, and their events are not separated.
        """
        return (
            self._body is not None
            and self._body.is_between_events
            and data.endswith(BLANK_LINES)
            and self._is_mere_output(data)
        )

    def feed(self, data: bytes, at: float) -> None:
        """Look at bytes of the body.

        Raises:
            ValueError: They are not what the response said they would be.
        """
        if self._body is None or self.is_complete:
            return
        events = self._body.feed(data)
        if isinstance(self._body, SniffedBody) and self._body.actual is not None:
            self._body = self._body.actual
        if self.first_chunk_at is None and isinstance(self._body, DocumentBody):
            self.first_chunk_at = at
        if not self._is_mere_output(events):
            self._take_documents(event_documents(events), at)

    def end(self, at: float) -> None:
        """The body was read to its end.

        Raises:
            ValueError: The rest of it is not JSON.
        """
        if self._body is not None and not self.is_complete:
            self._take_documents(self._body.close(), at)

    def _is_mere_output(self, events: bytes) -> bool:
        """Whether no event matters any more: all follow the first token, and none is a late one or the end."""
        return (
            self.first_token_at is not None
            and not self._wire.late_events.search(events)
            and events.find(END_OF_STREAM) < 0  # 0.15 µs faster than `in`, which first tries it as an integer
        )

    def _take_documents(self, documents: Iterable[bytes], at: float) -> None:
        """Take all of them: one that is not JSON, which the SDK may pass over, says nothing about the others.

        Raises:
            ValueError: One of them is not JSON.
        """
        fault: ValueError | None = None
        for document in documents:
            if document.startswith(END_OF_STREAM):
                self.is_complete = True
                continue
            if self.first_chunk_at is None:
                self.first_chunk_at = at
            if self.first_token_at is not None and not self._wire.late_events.search(document):
                continue
            try:
                part = self._wire.read_answer(decoded(document))
            except ValueError as error:  # there are few before the first token
                fault = error
                continue
            self._take(part)
            if self.first_token_at is None and part.has_token:
                self.first_token_at = at
            self.is_complete = self.is_complete or part.is_terminal
        if fault is not None:
            try:
                raise fault
            finally:
                del fault  # it refers to this frame

    def _take(self, part: AnswerPart) -> None:
        self.reply = self.reply.updated(part.reply)
        if part.invalid_usage is not None or (part.usage is not None and self.usage is not None):
            self._take_further_usage(part)
        elif part.usage is not None:
            self.usage = part.usage

    @guarded
    def _take_further_usage(self, part: AnswerPart) -> None:
        # A seam of its own: the rest of the message is valid even if its usage is not.
        try:
            if part.invalid_usage is not None:
                raise part.invalid_usage
            if self.usage is not None and part.usage is not None:
                self.usage = self.usage.updated(part.usage)
        except InvalidUsageError as error:
            self.usage, self.usage_error = None, error.error
            raise
