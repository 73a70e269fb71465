"""Messages, events and frames as Anthropic and its platforms send them, and a transport that answers with them."""

from __future__ import annotations

import base64
import importlib
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import anthropic

VERSION = tuple(int(part) for part in anthropic.__version__.split(".")[:2])
http: Any = importlib.import_module("httpx2" if VERSION >= (1, 0) else "httpx")
"""The HTTP library of the SDK that is installed."""

MODEL = "claude-opus-5"
USAGE: dict[str, Any] = {
    "input_tokens": 21,
    "cache_read_input_tokens": 1_000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 300},
    "output_tokens": 7,
    "service_tier": "standard",
}
PRICES = {MODEL: {"input": 5, "cache_read": 0.5, "cache_write": 6.25, "cache_write_1h": 10}}
"""From the price list, which is not available for Python 3.10."""
REQUEST: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 64,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [{"role": "user", "content": "Where is my order?"}],
}


def message(usage: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "id": "msg_01", "type": "message", "role": "assistant", "model": MODEL,
        "content": [{"type": "text", "text": "On its way."}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": USAGE if usage is None else usage, **members,
    }  # fmt: skip


def events(
    *,
    start: dict[str, Any] | None = None,
    end: dict[str, Any] | None = None,
    texts: tuple[str, ...] = ("On its", " way."),
    **members: Any,
) -> list[dict[str, Any]]:
    """The events of one answer; the usage at its start has a placeholder for the output."""
    first = {**USAGE, "output_tokens": 1} if start is None else start
    return [
        {"type": "message_start", "message": message(first, content=[], stop_reason=None, **members)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 7} if end is None else end,
        },
        {"type": "message_stop"},
    ]  # fmt: skip


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def frame(event: dict[str, Any], **headers: str) -> bytes:
    """A frame of AWS's event streams around an event."""
    payload = json.dumps(
        {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}
    ).encode()
    stated = headers or {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return raw_frame(payload, b"".join(string_header(name, value) for name, value in stated.items()))


def string_header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def raw_frame(payload: bytes, headers: bytes = b"") -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


class Chunks:
    """A body in the given chunks, which counts how many were taken."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.taken = 0


def _stream(chunks: Chunks, error: Exception | None) -> Any:
    class Stream(http.SyncByteStream, http.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for chunk in chunks.chunks:
                chunks.taken += 1
                yield chunk
            if error is not None:
                raise error

        async def __aiter__(self) -> Any:
            for chunk in self:
                yield chunk

    return Stream()


def answer(request: Any, reply: Any, *, error: Exception | None = None) -> Any:
    """A response for a request: a message, a list of events, or chunks, sent unchanged."""
    if isinstance(reply, dict):
        status = 529 if reply.get("type") == "error" else 200
        return http.Response(status, json=reply)
    is_framed = request.url.path.endswith("/invoke-with-response-stream")
    content_type = "application/vnd.amazon.eventstream" if is_framed else "text/event-stream; charset=utf-8"
    encode = frame if is_framed else sse
    chunks = reply if isinstance(reply, Chunks) else Chunks([encode(event) for event in reply])
    return http.Response(200, headers={"content-type": content_type}, stream=_stream(chunks, error))


def transport(reply: Callable[[Any, dict[str, Any]], Any], seen: list[Any] | None = None) -> Any:
    """A transport that answers each request with what `reply` returns for the request and its body."""

    def handle(request: Any) -> Any:
        if seen is not None:
            seen.append(request)
        return answer(request, reply(request, json.loads(request.content)))

    return http.MockTransport(handle)


def is_stream(request: Any, body: dict[str, Any]) -> bool:
    return bool(body.get("stream")) or request.url.path.endswith("/invoke-with-response-stream")


def plain(request: Any, body: dict[str, Any]) -> Any:
    """An answer of the requested kind."""
    if request.url.path.endswith("count_tokens"):
        return {"input_tokens": 21}
    return events() if is_stream(request, body) else message()


def client(reply: Callable[[Any, dict[str, Any]], Any] = plain, **settings: Any) -> anthropic.Anthropic:
    settings = {"api_key": "key", "max_retries": 0, **settings}
    return anthropic.Anthropic(http_client=http.Client(transport=transport(reply)), **settings)


def async_client(
    reply: Callable[[Any, dict[str, Any]], Any] = plain, **settings: Any
) -> anthropic.AsyncAnthropic:
    settings = {"api_key": "key", "max_retries": 0, **settings}
    return anthropic.AsyncAnthropic(http_client=http.AsyncClient(transport=transport(reply)), **settings)
