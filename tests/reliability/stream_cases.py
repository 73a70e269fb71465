"""Streams of all shapes, made from a seed."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from dataclasses import dataclass
from typing import Any

import httpx2
from httpx2._decoders import SUPPORTED_DECODERS

if "br" in SUPPORTED_DECODERS:
    import brotli
if "zstd" in SUPPORTED_DECODERS:
    try:
        from compression import zstd
    except ImportError:  # before Python 3.14
        from backports import zstd

LINE_ENDS = (b"\n", b"\r\n", b"\r")
USAGE = {"prompt_tokens": 2_000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1_500}}


class HostError(Exception):
    """Raised by the application's own transport."""


@dataclass(frozen=True, slots=True)
class StreamCase:
    """A body in chunks, once as it comes without us and once with the usage event that we asked for."""

    seed: int
    chunks: tuple[bytes, ...]
    chunks_with_usage: tuple[bytes, ...]
    headers: dict[str, str]
    error: type[Exception] | None
    """Raised by the transport after the last chunk."""
    reading: str
    limit: int
    """How many items are read before the application stops, if its way of reading stops early."""
    api: str
    """`chat`, `responses` or `completions`."""
    usage_chunks: range
    """Which of the chunks with usage exist because we asked for it."""


READINGS = (
    "for",
    "next",
    "close",
    "with",
    "break",
    "bytes",
    "raw",
    "lines",
    "text",
    "raw response",
    "helper",
)
ENCODINGS = tuple(SUPPORTED_DECODERS)
"""What the HTTP client can decode: gzip and deflate, and br and zstd, if their libraries are installed."""


def make_case(seed: int) -> StreamCase:
    """The case of a seed, always the same."""
    rng = random.Random(seed)  # noqa: S311  # a test must be repeatable
    end = rng.choice((*LINE_ENDS, b""))
    api = rng.choice(("chat", "chat", "chat", "responses", "completions"))
    event = _response_event if api == "responses" else _event
    parts = [event(rng, end or rng.choice(LINE_ENDS), index, api) for index in range(rng.randint(0, 8))]
    if rng.random() < 0.1:
        parts.insert(0, b"\xef\xbb\xbf")
    usage = _usage_event(rng, end or rng.choice(LINE_ENDS))
    done = _json({"type": "response.completed", "response": _response()}, end or b"\n")
    if api != "responses":
        done = b"data: [DONE]" + (end or b"\n") * 2
    tail = b"" if rng.random() < 0.2 else done
    if rng.random() < 0.1:
        tail += b"data: {"
    head = b"".join(parts)
    encoding = rng.choice(("", "", "", "", *ENCODINGS))
    error = rng.choice(
        (None, None, None, httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout, HostError)
    )
    cuts = rng.choice(("whole", "events", "bytes", "random", "random"))
    keep = rng.randint(0, len(head)) if error or rng.random() < 0.1 else None
    if keep is not None:
        head, usage, tail = head[:keep], b"", b""
    pieces = [_cut(rng, each, cuts) for each in (head, usage, tail)]
    # An encoded body is never cut: it is the same with and without us.
    plain = _encoded([*pieces[0], *pieces[2]], encoding)
    is_amended = encoding in ("", "identity") and api != "responses"
    with_usage = [*pieces[0], *pieces[1], *pieces[2]] if is_amended else plain
    headers = {"content-type": "text/event-stream"}
    if encoding:
        headers["content-encoding"] = encoding
    return StreamCase(
        seed,
        tuple(plain),
        tuple(with_usage),
        headers,
        error,
        rng.choice(READINGS),
        rng.randint(0, 4),
        api,
        range(len(pieces[0]), len(pieces[0]) + len(pieces[1]) * is_amended),
    )


def _event(rng: random.Random, end: bytes, index: int, api: str) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return b": ping" + end + end * rng.randint(0, 2)
    if kind < 0.15:
        return rng.choice((b"event: x", b"id: 7", b"retry: 3")) + end + _json(_chunk(rng, index, api), end)
    if kind < 0.24:
        return end * rng.randint(1, 3) if kind < 0.2 else b"data: {not json" + end + end
    if kind < 0.28:
        return _json({"error": {"message": "overloaded", "code": "busy"}}, end)
    if kind < 0.34:
        return _json({**_chunk(rng, index, api), "choices": [], "usage": None}, end)
    return _json(_chunk(rng, index, api), end)


def _response_event(rng: random.Random, end: bytes, index: int, _: str) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return b": ping" + end + end * rng.randint(0, 2)
    if kind < 0.16:
        return b"data: {not json" + end + end
    if kind < 0.2:
        return b"event: error" + end + _json({"type": "error", "message": "overloaded", "code": "busy"}, end)
    if index == 0:
        return _json({"type": "response.created", "response": {**_response(), "status": "in_progress"}}, end)
    if kind < 0.3:
        return _json({"type": rng.choice(("response.in_progress", "response.queued", "x.y"))}, end)
    delta = rng.choice(("a", "", "é世界\U0001f600", '"usage": {', "\n\n", "data: [DONE]", "x" * 500))
    event = {
        "type": "response.output_text.delta",
        "item_id": "m",
        "output_index": 0,
        "content_index": 0,
        "delta": delta,
    }
    return b"event: response.output_text.delta" + end + _json(event, end)


def _response() -> dict[str, Any]:
    usage = {"input_tokens": 2_000, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 1_500}}
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5.4", "status": "completed", "output": [],
        "usage": usage,
    }  # fmt: skip


def _chunk(rng: random.Random, index: int, api: str) -> dict[str, Any]:
    content = rng.choice(
        ("a", "", "é世界\U0001f600", 'say "choices": []', '\\"usage\\": {', "\n\n", "data: [DONE]", "x" * 500)
    )
    delta: dict[str, Any] = {"content": content} if index else {"role": "assistant", "content": ""}
    choice = {"index": rng.randint(0, 1), "finish_reason": rng.choice((None, None, "stop"))}
    choice |= {"text": content} if api == "completions" else {"delta": delta}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4",
        "choices": [choice],
    }
    if rng.random() < 0.3:
        chunk["usage"] = rng.choice((None, USAGE))
    return chunk


def _usage_event(rng: random.Random, end: bytes) -> bytes:
    event: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4",
    }
    choices = rng.choice(([], None, "absent"))
    if choices != "absent":
        event["choices"] = choices
    return _json({**event, "usage": USAGE}, end)


def _json(message: Any, end: bytes) -> bytes:
    return b"data: " + json.dumps(message, ensure_ascii=False).encode() + end + end


def _cut(rng: random.Random, data: bytes, cuts: str) -> list[bytes]:
    """Cut the bytes; those of the hidden event are in separate chunks, so that the others can be compared."""
    if cuts == "bytes":
        return [data[index : index + 1] for index in range(len(data))]
    size = {"whole": len(data) or 1, "events": 200}.get(cuts)
    chunks: list[bytes] = []
    while data:
        step = size or rng.randint(1, 60)
        chunks.append(data[:step])
        data = data[step:]
    return chunks


def _encoded(chunks: list[bytes], encoding: str) -> list[bytes]:
    if encoding == "gzip":
        packed = gzip.compress(b"".join(chunks), mtime=0)
    elif encoding == "deflate":
        packed = zlib.compress(b"".join(chunks))
    elif encoding == "br":
        packed = brotli.compress(b"".join(chunks))
    elif encoding == "zstd":
        packed = zstd.compress(b"".join(chunks))
    else:
        return chunks
    return [packed[index : index + 50] for index in range(0, len(packed), 50)]
