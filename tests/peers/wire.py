"""The provider on the other side of the wire: realistic bodies, and streams that really come in chunks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

Json = dict[str, Any]

MODEL = "gpt-4o-mini"
SERVED_MODEL = "gpt-4o-mini-2024-07-18"
REQUEST_ID = "req_5f0c2b9d7e"
ANSWER = '{"city": "Lisbon"}'
INPUT_TOKENS = 2_048
OUTPUT_TOKENS = 7

_PIECES = ('{"city"', ': "Lis', 'bon"}')
_CHUNK_BYTES = 150  # so that most events straddle two chunks

Answer = Callable[[httpx2.Request], httpx2.Response]


class ChunkedBody(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that arrives piece by piece and is not there before it is read."""

    def __init__(self, content: bytes) -> None:
        self._chunks = [content[at : at + _CHUNK_BYTES] for at in range(0, len(content), _CHUNK_BYTES)]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


def answering(cached_tokens: int) -> Answer:
    """A provider that finds this many tokens of every prompt in its cache."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        is_chat = request.url.path.endswith("/chat/completions")
        if json.loads(request.content).get("stream"):
            events = _chat_events(cached_tokens) if is_chat else _responses_events(cached_tokens)
            return _response(200, "text/event-stream; charset=utf-8", b"".join(events))
        body = _chat_body(cached_tokens) if is_chat else _responses_body(cached_tokens)
        return _response(200, "application/json", json.dumps(body).encode())

    return answer


def refusing(status: int) -> Answer:
    """A provider that rejects every request."""
    error = {
        "message": "Invalid value for 'temperature'.",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": "invalid_value",
    }
    content = json.dumps({"error": error}).encode()
    return lambda _: _response(status, "application/json", content)


def in_turn(*answers: Answer) -> Answer:
    """A provider that handles each request with the next of the answers."""
    remaining = iter(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        return next(remaining)(request)

    return answer


def _response(status: int, content_type: str, content: bytes) -> httpx2.Response:
    headers = {"content-type": content_type, "x-request-id": REQUEST_ID, "retry-after-ms": "1"}
    return httpx2.Response(status, headers=headers, stream=ChunkedBody(content))


def _chat_usage(cached_tokens: int) -> Json:
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _chat_body(cached_tokens: int) -> Json:
    message = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-CeJmQX2v",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": SERVED_MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _chat_usage(cached_tokens),
        "service_tier": "default",
        "system_fingerprint": "fp_560af6e559",
    }


def _chat_events(cached_tokens: int) -> Iterator[bytes]:
    frame = {**_chat_body(cached_tokens), "object": "chat.completion.chunk", "usage": None}

    def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event({**frame, "choices": [choice]})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in _PIECES:
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    yield _event({**frame, "choices": [], "usage": _chat_usage(cached_tokens)})
    yield b"data: [DONE]\n\n"


def _responses_body(cached_tokens: int) -> Json:
    part = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": []}
    usage = {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": cached_tokens},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    return {
        "id": "resp_691f0c2b9d7e",
        "object": "response",
        "created_at": 1_795_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": SERVED_MODEL,
        "output": [_message("completed", [part])],
        "parallel_tool_calls": True,
        "service_tier": "default",
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def _message(status: str, content: list[Json]) -> Json:
    return {
        "id": "msg_691f0c2b9d80",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _responses_events(cached_tokens: int) -> Iterator[bytes]:
    body = _responses_body(cached_tokens)
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    item = body["output"][0]
    part = item["content"][0]
    in_item = {"output_index": 0}
    in_part = {**in_item, "content_index": 0, "item_id": item["id"]}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", **in_item, "item": _message("in_progress", [])},
        {"type": "response.content_part.added", **in_part, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **in_part, "delta": piece, "logprobs": []}
            for piece in _PIECES
        ),
        {"type": "response.output_text.done", **in_part, "text": ANSWER, "logprobs": []},
        {"type": "response.content_part.done", **in_part, "part": part},
        {"type": "response.output_item.done", **in_item, "item": item},
        {"type": "response.completed", "response": body},
    ]
    for number, event in enumerate(events):
        yield _event({**event, "sequence_number": number}, name=event["type"])


def _event(data: Json, name: str | None = None) -> bytes:
    field = f"event: {name}\n" if name else ""
    return f"{field}data: {json.dumps(data)}\n\n".encode()
