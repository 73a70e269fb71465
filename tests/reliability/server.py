"""A client whose server answers what a test says, through the real SDK and HTTP library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
from openai import OpenAI

BODY: dict[str, Any] = {"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 2_000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1_500}}


class Chunks(httpx2.SyncByteStream):
    """A body that comes in these chunks; an exception among them is raised."""

    def __init__(self, chunks: Iterable[bytes | BaseException]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk


def client_of(answer: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> OpenAI:
    return OpenAI(
        api_key=options.pop("api_key", "key"),
        base_url=options.pop("base_url", "http://provider.test/v1"),
        max_retries=options.pop("max_retries", 0),
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        **options,
    )


def completion(**members: Any) -> dict[str, Any]:
    """A chat completion with these members."""
    message = {"role": "assistant", "content": "Hello"}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.4",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE, **members,
    }  # fmt: skip


def answering(body: Any) -> Callable[[httpx2.Request], httpx2.Response]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return lambda _: httpx2.Response(200, content=content, headers=headers)


def streaming(
    chunks: Iterable[bytes | BaseException], **headers: str
) -> Callable[[httpx2.Request], httpx2.Response]:
    headers = {"content-type": "text/event-stream", **headers}
    return lambda _: httpx2.Response(200, stream=Chunks(list(chunks)), headers=headers)


def chunk(content: str | None = None, **members: Any) -> bytes:
    """A chunk of a chat stream."""
    finish_reason = members.pop("finish_reason", None)
    choices = [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4",
        "choices": choices,
    }
    return b"data: " + json.dumps({**event, **members}).encode() + b"\n\n"


USAGE_EVENT = chunk(choices=[], usage=USAGE)
STREAM = [chunk("a"), chunk("b"), chunk(finish_reason="stop"), USAGE_EVENT, b"data: [DONE]\n\n"]
