"""Server-sent events without I/O: bytes in, as they arrive; events out, as soon as they are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
"""The byte sequences that end an event."""
_END_OF_EVENT = re.compile(rb"(?:\n\n|\r\n\r\n|\r\r)[\r\n]*")


class DocumentTooLongError(ValueError):
    """A document is longer than what is kept."""


class EventAssembler:
    """Passes on the events of a byte stream once they are whole; keeps only the one that is still incomplete.

    Args:
        max_bytes: The longest incomplete event that is kept; None for no limit.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._pending = bytearray()
        self.is_between_events = True
        """What comes next begins an event; if it also ends one, `feed` returns it unchanged."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that the chunk completes, raw and still in one piece; empty if it completes none.

        Raises:
            DocumentTooLongError: The incomplete event is too long; it is forgotten.
        """
        if self.is_between_events and chunk.endswith(BLANK_LINES):
            return chunk  # nearly all chunks are one whole event, or several
        self.is_between_events, pending = False, self._pending
        # The blank line may straddle two chunks, so the search begins a little before the new bytes.
        start = max(0, len(pending) - 3)
        pending += chunk
        last, blank_line = max([(pending.rfind(each, start), each) for each in BLANK_LINES])
        if last < 0:
            self._limit()
            return b""
        end = last + len(blank_line)
        whole = bytes(pending[:end])
        del pending[:end]
        self.is_between_events = not pending
        return whole

    def rest(self) -> bytes:
        """Hand over the incomplete event, if any, and forget it."""
        rest = bytes(self._pending)
        self._forget()
        return rest

    def _limit(self) -> None:
        if self._max_bytes is not None and len(self._pending) > self._max_bytes:
            self._forget()
            raise DocumentTooLongError(f"an event is longer than {self._max_bytes} bytes")

    def _forget(self) -> None:
        self._pending.clear()
        self.is_between_events = True


def event_documents(events: bytes) -> Iterator[bytes]:
    """Yield the data of each of the events that has any."""
    return filter(None, map(event_data, split_events(events)))


def split_events(events: bytes) -> Iterator[bytes]:
    """Yield each of the events, raw, with its blank lines."""
    start = 0
    for end in _END_OF_EVENT.finditer(events):
        yield events[start : end.end()]
        start = end.end()


def event_data(event: bytes) -> bytes:
    """The `data` of a raw event: its data lines, joined; empty if it has none."""
    # Unlike those of `str`, the lines of `bytes` end where those of events do: at CR, LF and CRLF only.
    lines = [line for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join([line[5:].removeprefix(b" ") for line in lines])
