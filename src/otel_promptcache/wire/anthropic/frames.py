"""The event streams of AWS: each frame of `application/vnd.amazon.eventstream` contains one event.

A frame consists of its length, the length of its headers, a checksum of the two, headers, a payload, and a checksum of
everything. The checksums are left to the SDK, which raises on a wrong one.

Source: AWS, Amazon Transcribe developer guide, event stream encoding; botocore 1.44.8, `eventstream.py`; anthropic
2.14.0, `lib/bedrock/_stream_decoder.py` (checked 2026-11-25).
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator

from otel_promptcache.wire.format import Json, mapping, word

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">IIxxxx")
_CHECKSUM_BYTES = 4
_MIN_FRAME_BYTES = _PRELUDE.size + _CHECKSUM_BYTES
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Bytes of a frame; a longer one is not read, nor is what follows it."""
MAX_HEADERS_BYTES = 128 * 1024
"""Bytes of the headers of a frame."""

_FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Lengths of header values, by their type; values of the other two types begin with their length."""
_STRING, _BYTES = 7, 6


class MalformedFrameError(ValueError):
    """The bytes are not a frame, or are one that is too long to be read."""


class FrameBody:
    """A body of frames, turned into server-sent events."""

    is_between_events = False

    def __init__(self) -> None:
        self._pending = bytearray()
        self._is_given_up = False

    def feed(self, chunk: bytes) -> bytes:
        """The events in the frames that the chunk completes.

        Raises:
            MalformedFrameError: Once; the rest of the body is ignored.
        """
        if self._is_given_up:
            return b""
        self._pending += chunk
        try:
            return b"".join([_event(headers, payload) for headers, payload in self._frames()])
        except MalformedFrameError:
            self._is_given_up = True
            self._pending.clear()
            raise

    def close(self) -> Iterator[bytes]:
        """Yield nothing: an incomplete frame says nothing."""
        return iter(())

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        """Take the complete frames: the headers and the payload of each."""
        start, pending = 0, self._pending
        while len(pending) - start >= _PRELUDE.size:
            size_bytes, headers_bytes = _PRELUDE.unpack_from(pending, start)
            is_possible = headers_bytes <= MAX_HEADERS_BYTES and size_bytes <= MAX_FRAME_BYTES
            if not is_possible or size_bytes < _MIN_FRAME_BYTES + headers_bytes:
                raise MalformedFrameError("impossible lengths of a frame")
            if len(pending) - start < size_bytes:
                break
            headers_end = start + _PRELUDE.size + headers_bytes
            end = start + size_bytes
            headers = bytes(pending[start + _PRELUDE.size : headers_end])
            yield headers, bytes(pending[headers_end : end - _CHECKSUM_BYTES])
            start = end
        del pending[:start]


def _event(headers: bytes, payload: bytes) -> bytes:
    """The event of a frame as a server-sent one; empty if it has none that matters."""
    names = _string_headers(headers)
    error = names.get(":exception-type") or names.get(":error-code")
    if error is not None:
        document = json.dumps({"type": "error", "error": {"type": word(error)}}).encode()
    else:
        document = _document(payload)
    # JSON has line ends only between its tokens, where a space means the same.
    return b"data: %b\n\n" % document.replace(b"\n", b" ").replace(b"\r", b" ") if document else b""


def _document(payload: bytes) -> bytes:
    try:
        said = _payload(payload)
        encoded = said.get("bytes")
        if "bytes" not in said:  # the event itself, as in the Converse API
            return payload if said else b""
        return base64.b64decode(encoded) if isinstance(encoded, str) else b""
    except (ValueError, RecursionError):  # not JSON, or not Base64: the next frame may have an event
        return b""


def _payload(payload: bytes) -> Json:
    return mapping(json.loads(payload)) if payload else {}


def _string_headers(headers: bytes) -> dict[str, str]:
    """The string headers, by name."""
    found: dict[str, str] = {}
    position = 0
    try:
        while position < len(headers):
            name_end = position + 1 + headers[position]
            name, kind = headers[position + 1 : name_end], headers[name_end]
            position = name_end + 1
            if kind in _FIXED_BYTES:
                position += _FIXED_BYTES[kind]
                continue
            if kind not in (_STRING, _BYTES):
                raise MalformedFrameError("a header of an unknown type")
            (size_bytes,) = struct.unpack_from(">H", headers, position)
            value = headers[position + 2 : position + 2 + size_bytes]
            position += 2 + size_bytes
            if kind == _STRING:
                found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    except (IndexError, struct.error) as error:
        raise MalformedFrameError("headers that end too early") from error
    return found
