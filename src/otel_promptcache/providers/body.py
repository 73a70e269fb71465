"""Response bodies without I/O: raw bytes in as they arrive, JSON documents out as soon as they are whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from otel_promptcache.providers.sse import DocumentTooLongError, EventAssembler, event_data

END_OF_STREAM = b"[DONE]"

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""No document is kept beyond this; the largest real ones carry a whole response."""


class Body(Protocol):
    """Something that keeps the bytes of a body until they make sense."""

    is_between_events: bool
    """What comes next begins an event, and is sent as it is; False where there are no events, or encoded ones."""

    def feed(self, chunk: bytes) -> bytes:
        """The server-sent events that the chunk completes, raw; empty where it completes none."""
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
    """One JSON document, whole when the body is."""

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


class DeflatedBody:
    """A body behind `Content-Encoding: gzip` or `deflate`."""

    is_between_events = False

    def __init__(self, inner: Body) -> None:
        self._inner = inner
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # tells gzip from zlib by its header

    def feed(self, chunk: bytes) -> bytes:
        """Inflate the chunk and pass it on.

        Raises:
            zlib.error: The bytes are not what the header said.
        """
        return self._inner.feed(self._inflater.decompress(chunk))

    def close(self) -> Iterator[bytes]:
        """Pass on what ends with the body."""
        return self._inner.close()


class OpaqueBody:
    """A body in an encoding that the standard library cannot undo: nothing is understood of it."""

    is_between_events = False

    def feed(self, chunk: bytes) -> bytes:  # noqa: ARG002  # the protocol's
        """Find nothing."""
        return b""

    def close(self) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())


def body_reader(*, content_encoding: str, is_event_stream: bool) -> Body:
    """Choose the reader for a body by the headers of its response."""
    body = EventStreamBody() if is_event_stream else DocumentBody()
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    return DeflatedBody(body) if encoding in ("gzip", "deflate") else OpaqueBody()
