"""Streams of all shapes, made from a seed."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from dataclasses import dataclass
from typing import Any

import httpx2

LINE_ENDS = (b"\n", b"\r\n", b"\r")
USAGE = {"prompt_tokens": 2_000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1_500}}


class HostError(Exception):
    """What a transport of the application's own raises."""


@dataclass(frozen=True, slots=True)
class StreamCase:
    """A body in chunks, once as it comes without us and once with the usage event that we asked for."""

    seed: int
    chunks: tuple[bytes, ...]
    chunks_with_usage: tuple[bytes, ...]
    headers: dict[str, str]
    error: type[Exception] | None
    """Raised by the transport behind the last chunk."""
    reading: str
    limit: int
    """How many items are read before the application leaves, if its way of reading leaves."""


READINGS = ("for", "next", "close", "with", "break", "bytes", "raw", "lines", "text", "raw response")


def make_case(seed: int) -> StreamCase:
    """The case of a seed, always the same."""
    rng = random.Random(seed)  # noqa: S311  # a test has to be repeatable
    end = rng.choice((*LINE_ENDS, b""))
    parts = [_event(rng, end or rng.choice(LINE_ENDS), index) for index in range(rng.randint(0, 8))]
    if rng.random() < 0.1:
        parts.insert(0, b"\xef\xbb\xbf")
    usage = _usage_event(rng, end or rng.choice(LINE_ENDS))
    tail = b"" if rng.random() < 0.2 else b"data: [DONE]" + (end or b"\n") * 2
    if rng.random() < 0.1:
        tail += b"data: {"
    head = b"".join(parts)
    encoding = rng.choice(("", "", "", "", "identity", "gzip", "deflate"))
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
    with_usage = [*pieces[0], *pieces[1], *pieces[2]] if encoding in ("", "identity") else plain
    headers = {"content-type": "text/event-stream"}
    if encoding:
        headers["content-encoding"] = encoding
    return StreamCase(
        seed, tuple(plain), tuple(with_usage), headers, error, rng.choice(READINGS), rng.randint(0, 4)
    )


def _event(rng: random.Random, end: bytes, index: int) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return b": ping" + end + end * rng.randint(0, 2)
    if kind < 0.15:
        return rng.choice((b"event: x", b"id: 7", b"retry: 3")) + end + _json(_chunk(rng, index), end)
    if kind < 0.24:
        return end * rng.randint(1, 3) if kind < 0.2 else b"data: {not json" + end + end
    if kind < 0.28:
        return _json({"error": {"message": "overloaded", "code": "busy"}}, end)
    if kind < 0.34:
        return _json({**_chunk(rng, index), "choices": [], "usage": None}, end)
    return _json(_chunk(rng, index), end)


def _chunk(rng: random.Random, index: int) -> dict[str, Any]:
    content = rng.choice(
        ("a", "", "é世界\U0001f600", 'say "choices": []', '\\"usage\\": {', "\n\n", "data: [DONE]", "x" * 500)
    )
    delta: dict[str, Any] = {"content": content} if index else {"role": "assistant", "content": ""}
    choice = {"index": rng.randint(0, 1), "delta": delta, "finish_reason": rng.choice((None, None, "stop"))}
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
    """Cut the bytes; those of the hidden event are in chunks of their own, so that the others can be compared."""
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
    else:
        return chunks
    return [packed[index : index + 50] for index in range(0, len(packed), 50)]
