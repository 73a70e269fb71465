"""Server-sent events without I/O: bytes in, as they arrive; events out, as soon as they are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")


class EventSplitter:
    """Cuts a byte stream into server-sent events; keeps only the one that is still incomplete."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield each event that the chunk completes, raw, with its blank line."""
        buffer = self._tail + chunk
        start = 0
        # The blank line may straddle two chunks, so the search begins a little before the new bytes.
        for end in _END_OF_EVENT.finditer(buffer, max(0, len(self._tail) - 3)):
            yield buffer[start : end.end()]
            start = end.end()
        self._tail = buffer[start:]

    @property
    def pending_bytes(self) -> int:
        """Length of the incomplete event."""
        return len(self._tail)

    def rest(self) -> bytes:
        """Hand over the incomplete event, if any, and forget it."""
        rest, self._tail = self._tail, b""
        return rest


def event_data(event: bytes) -> bytes:
    """The `data` of a raw event: its data lines, joined; empty where it has none."""
    lines = (line for line in _END_OF_LINE.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
