"""Response bodies without I/O: raw bytes in as they arrive, JSON documents out as soon as they are whole."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from otel_promptcache.providers.sse import EventAssembler, event_data, split_events

END_OF_STREAM = b"[DONE]"

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""No document is kept beyond this; the largest real ones carry a whole response."""


class DocumentTooLongError(ValueError):
    """A document exceeded `MAX_DOCUMENT_BYTES` without an end."""


class Body(Protocol):
    """Something that turns the bytes of a body into documents."""

    def feed(self, chunk: bytes, wanted: re.Pattern[bytes] | None = None) -> Iterable[bytes]:
        """The documents that the chunk completes.

        Args:
            chunk: The next bytes of the body.
            wanted: Found in the raw bytes of what matters: the rest may be left out, but never the end mark.
        """
        ...

    def close(self) -> Iterator[bytes]:
        """Yield what is complete only because the body ended."""
        ...


class EventStreamBody:
    """A stream of server-sent events; a document is the data of one."""

    def __init__(self) -> None:
        self._assembler = EventAssembler()

    def feed(self, chunk: bytes, wanted: re.Pattern[bytes] | None = None) -> Iterable[bytes]:
        """The data of each event that the chunk completes, or of none of them where none is wanted.

        Raises:
            DocumentTooLongError: The incomplete event is too long; it is forgotten. Comes after the documents.
        """
        whole = self._assembler.feed(chunk)
        if (
            wanted is None
            or wanted.search(whole)
            or whole.find(END_OF_STREAM) >= 0  # 0.15 µs less than `in`, which tries for an integer first
            or len(self._assembler.pending) > MAX_DOCUMENT_BYTES
        ):
            return self._documents(whole)
        return ()

    def _documents(self, whole: bytes) -> Iterator[bytes]:
        for event in split_events(whole):
            if data := event_data(event):
                yield data
        if len(self._assembler.pending) > MAX_DOCUMENT_BYTES:
            self._assembler.rest()
            raise DocumentTooLongError(f"an event is longer than {MAX_DOCUMENT_BYTES} bytes")

    def close(self) -> Iterator[bytes]:
        """Yield the data of a last event that lacks its blank line: the SDK delivers it, too."""
        return filter(None, (event_data(self._assembler.rest()),))


class DocumentBody:
    """One JSON document, whole when the body is."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._is_too_long = False

    def feed(self, chunk: bytes, wanted: re.Pattern[bytes] | None = None) -> Iterable[bytes]:  # noqa: ARG002  # the protocol's
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
        return ()

    def close(self) -> Iterator[bytes]:
        """Yield the document, if there is one."""
        return filter(None, (bytes(self._content),))


class DeflatedBody:
    """A body behind `Content-Encoding: gzip` or `deflate`."""

    def __init__(self, inner: Body) -> None:
        self._inner = inner
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # tells gzip from zlib by its header

    def feed(self, chunk: bytes, wanted: re.Pattern[bytes] | None = None) -> Iterable[bytes]:
        """Inflate the chunk and pass it on.

        Raises:
            zlib.error: The bytes are not what the header said.
        """
        return self._inner.feed(self._inflater.decompress(chunk), wanted)

    def close(self) -> Iterator[bytes]:
        """Pass on what ends with the body."""
        return self._inner.close()


class OpaqueBody:
    """A body in an encoding that the standard library cannot undo: nothing is understood of it."""

    def feed(self, chunk: bytes, wanted: re.Pattern[bytes] | None = None) -> Iterable[bytes]:  # noqa: ARG002  # the protocol's
        """Find nothing."""
        return ()

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
