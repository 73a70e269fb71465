"""Response bodies without I/O: raw bytes in as they arrive, JSON documents out as soon as they are whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from otel_promptcache.wire.sse import DocumentTooLongError, EventAssembler, event_data

END_OF_STREAM = b"[DONE]"

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""Bytes of an event or a document; a longer one is dropped. The largest real ones carry a whole response."""

_LEAD = b"\xef\xbb\xbf \t\r\n"
"""The bytes of a byte order mark, and whitespace."""
_MAX_LEAD_BYTES = 1_024
_INFLATED_BYTES = 1024 * 1024
"""Bytes that one step of inflating produces at most."""


class Body(Protocol):
    """Something that keeps the bytes of a body until they make sense."""

    is_between_events: bool
    """What comes next begins an event, and is not encoded; False if there are no events, or encoded ones."""

    def feed(self, chunk: bytes) -> bytes:
        """The server-sent events that the chunk completes, raw; empty if it completes none."""
        ...

    def close(self) -> Iterator[bytes]:
        """Yield the documents that are complete only because the body ended."""
        ...


class EventStreamBody(EventAssembler):
    """A stream of server-sent events; a document is the data of one."""

    def __init__(self) -> None:
        super().__init__(MAX_DOCUMENT_BYTES)

    def close(self) -> Iterator[bytes]:
        """Yield the data of a last event that lacks its blank line: the SDK delivers it, too."""
        return filter(None, (event_data(self.rest()),))


class DocumentBody:
    """One JSON document, complete when the body is."""

    is_between_events = False

    def __init__(self) -> None:
        self._content = bytearray()
        self._is_too_long = False

    def feed(self, chunk: bytes) -> bytes:
        """Keep the chunk.

        Raises:
            DocumentTooLongError: Once, when the document gets too long; it is forgotten.
        """
        if not self._is_too_long:
            self._content += chunk
            if len(self._content) > MAX_DOCUMENT_BYTES:
                self._is_too_long = True
                self._content.clear()
                raise DocumentTooLongError(f"a document is longer than {MAX_DOCUMENT_BYTES} bytes")
        return b""

    def close(self) -> Iterator[bytes]:
        """Yield the document, if there is one."""
        return filter(None, (bytes(self._content),))


class SniffedBody:
    """A body that turns out to be a JSON document or a stream of events, whatever was asked for or announced."""

    is_between_events = False

    def __init__(self) -> None:
        self.actual: Body | None = None
        """What it turned out to be; None before its first bytes."""
        self._lead = b""

    def feed(self, chunk: bytes) -> bytes:
        """Decide by the first significant bytes, and pass everything on."""
        if self.actual is None:
            self._lead += chunk
            head = self._lead.lstrip(_LEAD)
            if not head and len(self._lead) < _MAX_LEAD_BYTES:
                return b""
            self.actual = DocumentBody() if is_document(head) else EventStreamBody()
            chunk, self._lead = self._lead, b""
        return self.actual.feed(chunk)

    def close(self) -> Iterator[bytes]:
        """Pass on what the end of the body completes."""
        return iter(()) if self.actual is None else self.actual.close()


def is_document(head: bytes) -> bool:
    """Tell a JSON document from a stream of events by its first bytes."""
    return head.lstrip(_LEAD)[:1] in (b"{", b"[", b"")


class DeflatedBody:
    """A body with `Content-Encoding: gzip` or `deflate`."""

    is_between_events = False

    def __init__(self, inner: Body) -> None:
        self._inner = inner
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # tells gzip from zlib by its header
        self._is_given_up = False

    def feed(self, chunk: bytes) -> bytes:
        """Inflate the chunk in steps of bounded size and pass it on.

        Raises:
            zlib.error: The bytes are not what the header said.
            DocumentTooLongError: They inflate to more than is kept; the rest of the body is ignored.
        """
        if self._is_given_up:
            return b""
        self._is_given_up = True  # until this has gone well
        events: list[bytes] = []
        size_bytes = 0
        while chunk:
            events.append(self._inner.feed(self._inflater.decompress(chunk, _INFLATED_BYTES)))
            chunk = self._inflater.unconsumed_tail
            if self._inflater.eof:
                chunk = self._inflater.unused_data  # another member of a gzip file may follow
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            size_bytes += len(events[-1])
            if size_bytes > MAX_DOCUMENT_BYTES:
                raise DocumentTooLongError(f"a chunk inflates to more than {MAX_DOCUMENT_BYTES} bytes")
        self._is_given_up = False
        return b"".join(events)

    def close(self) -> Iterator[bytes]:
        """Pass on what the end of the body completes."""
        return self._inner.close()


class OpaqueBody:
    """A body in an encoding that the standard library cannot decode: nothing in it is understood."""

    is_between_events = False

    def feed(self, chunk: bytes) -> bytes:  # noqa: ARG002  # the protocol's
        """Find nothing."""
        return b""

    def close(self) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())


def body_reader(content_encoding: str) -> Body:
    """Choose the reader for a body by its encoding; the first bytes then show what it is."""
    encoding = content_encoding.strip().lower()
    if is_plain(encoding):
        return SniffedBody()
    return DeflatedBody(SniffedBody()) if encoding in ("gzip", "deflate") else OpaqueBody()


def is_plain(content_encoding: str) -> bool:
    """Tell whether a body is sent unencoded."""
    return content_encoding.strip().lower() in ("", "identity")
