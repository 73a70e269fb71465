"""Server-sent events without I/O: bytes in, as they arrive; events out, as soon as they are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_END_OF_EVENT = re.compile(rb"(?:\n\n|\r\n\r\n|\r\r)[\r\n]*")


class EventAssembler:
    """Passes on the events of a byte stream once they are whole; keeps only the one that is still incomplete."""

    def __init__(self) -> None:
        self.pending = bytearray()
        """The incomplete event."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that the chunk completes, raw and still in one piece; empty where it completes none."""
        pending = self.pending
        if not pending and chunk.endswith(_BLANK_LINES):
            return chunk  # what nearly all chunks are: an event, or several
        # The blank line may straddle two chunks, so the search begins a little before the new bytes.
        start = max(0, len(pending) - 3)
        pending += chunk
        last, blank_line = max([(pending.rfind(each, start), each) for each in _BLANK_LINES])
        if last < 0:
            return b""
        end = last + len(blank_line)
        whole = bytes(pending[:end])
        del pending[:end]
        return whole

    def rest(self) -> bytes:
        """Hand over the incomplete event, if any, and forget it."""
        rest = bytes(self.pending)
        self.pending.clear()
        return rest


def split_events(whole: bytes) -> Iterator[bytes]:
    """Yield the events of which the bytes consist, raw, each with its blank lines."""
    start = 0
    for end in _END_OF_EVENT.finditer(whole):
        yield whole[start : end.end()]
        start = end.end()


def event_data(event: bytes) -> bytes:
    """The `data` of a raw event: its data lines, joined; empty where it has none."""
    # Unlike those of `str`, the lines of `bytes` end where those of events do: at CR, LF and CRLF only.
    lines = [line for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join([line[5:].removeprefix(b" ") for line in lines])
