"""Removes from a chat stream the one event that the application did not ask for."""

from __future__ import annotations

import codecs
import json
import re

from otel_promptcache.wire.format import mapping
from otel_promptcache.wire.sse import event_data

MAX_USAGE_EVENT_BYTES = 16 * 1024
"""Bytes of an event that are held back until it is known whether it is the usage event."""

_LEAD = re.compile(rb"[\r\n]+|:[^\r\n]*[\r\n]?")
"""Blank lines and comments, which do not begin an event."""
_REST_OF_LINE = re.compile(rb"[^\r\n]*[\r\n]?")
_END_OF_EVENT = re.compile(rb"\r\n(?:\r\n|\n|\r)|\n(?:\r\n|\n|\r)|\r\r")
_MAX_OVERLAP_BYTES = 3
# Inside a string of the JSON the quotes would be escaped.
_HAS_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*[^\s\]]')
_DONE = re.compile(rb"data: ?\[")

_Piece = tuple[int, bytes]
"""The number of a chunk, and bytes that came in it."""


class UsageEventFilter:
    """Drops the event that has usage and no choices; every other byte passes unchanged, in the chunks it came in.

    The bytes of an event are held back until it is known not to be that one. Used only if the setting
    `stream_usage` made the request ask for usage.
    """

    def __init__(self) -> None:
        self._held: list[_Piece] = []
        """The pieces of the current event, while it is undecided."""
        self._passes = False
        """The current event will be passed on."""
        self._is_in_comment = False
        self._has_hidden_cr = False
        """A hidden event ended with CR; an LF right after it belongs to the same line end."""
        self._tail = b""
        """The last bytes of the current event: its end may straddle two chunks."""
        self._chunk = 0
        self._mark = codecs.BOM_UTF8
        """The remaining bytes of a byte order mark that the stream may begin with; it belongs to no event."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The chunks that may pass now; none while an event is undecided."""
        self._chunk += 1
        passed: list[_Piece] = []
        start = int(self._has_hidden_cr and chunk.startswith(b"\n"))
        self._has_hidden_cr = self._has_hidden_cr and not chunk
        while start < len(chunk):
            end = self._end_of_mark(chunk, start) if self._mark else start
            if end == start:
                end = self._end_of_lead(chunk, start)
            if end > start:
                passed.append((self._chunk, chunk[start:end]))
            else:
                end = self._take(chunk, start, passed)
            start = end
        return _chunks(passed)

    def rest(self) -> list[bytes]:
        """The chunks that were held back for an event that was never completed."""
        held, self._held = self._held, []
        return [] if _is_usage_event(b"".join([data for _, data in held])) else _chunks(held)

    def _end_of_mark(self, chunk: bytes, start: int) -> int:
        """Where the bytes of the byte order mark end; `start` if there are none."""
        data = chunk[start : start + len(self._mark)]
        is_mark = self._mark.startswith(data)
        self._mark = self._mark[len(data) :] if is_mark else b""
        return start + len(data) if is_mark else start

    def _end_of_lead(self, chunk: bytes, start: int) -> int:
        """Where the blank lines or the comment before an event end; `start` if there are none."""
        if self._held or self._passes:
            return start
        line = (_REST_OF_LINE if self._is_in_comment else _LEAD).match(chunk, start)
        if line is None:
            return start
        is_comment = self._is_in_comment or line[0].startswith(b":")
        self._is_in_comment = is_comment and not line[0].endswith((b"\r", b"\n"))
        return line.end()

    def _take(self, chunk: bytes, start: int, passed: list[_Piece]) -> int:
        """Take bytes of one event, up to its end or that of the chunk; return where they end."""
        end = self._end_of_event(chunk, start)
        is_whole = end is not None
        end = len(chunk) if end is None else end
        self._held.append((self._chunk, chunk[start:end]))
        self._tail = (
            b""
            if is_whole
            else (self._tail + chunk[max(start, end - _MAX_OVERLAP_BYTES) :])[-_MAX_OVERLAP_BYTES:]
        )
        is_hidden = False
        if not self._passes:
            event = b"".join([data for _, data in self._held])
            self._passes = _cannot_be_the_usage_event(event)
            is_hidden = is_whole and not self._passes and _is_usage_event(event)
        if self._passes or is_whole:
            passed += [] if is_hidden else self._held
            self._has_hidden_cr = is_hidden and end == len(chunk) and chunk.endswith(b"\r")
            self._held = []
        self._passes = self._passes and not is_whole
        return end

    def _end_of_event(self, chunk: bytes, start: int) -> int | None:
        """Where the event ends whose next bytes begin at `start`; None if it goes on in the next chunk."""
        tail_bytes = len(self._tail)
        if tail_bytes:
            match = _END_OF_EVENT.search(self._tail + chunk[start : start + _MAX_OVERLAP_BYTES])
            if match is not None and match.start() < tail_bytes:  # it straddles two chunks
                return start + match.end() - tail_bytes
        match = _END_OF_EVENT.search(chunk, start)
        return None if match is None else match.end()


def _chunks(pieces: list[_Piece]) -> list[bytes]:
    """Join the pieces of each chunk again."""
    chunks: dict[int, list[bytes]] = {}
    for number, data in pieces:
        chunks.setdefault(number, []).append(data)
    return [b"".join(parts) for parts in chunks.values()]


def _cannot_be_the_usage_event(event: bytes) -> bool:
    return len(event) > MAX_USAGE_EVENT_BYTES or bool(_HAS_CHOICES.search(event) or _DONE.match(event))


def _is_usage_event(event: bytes) -> bool:
    try:
        message = mapping(json.loads(event_data(event)))
    except (ValueError, RecursionError):
        return False
    return bool(mapping(message.get("usage"))) and not message.get("choices") and not message.get("error")
