"""A provider inside the process: the real client talks to it without a network."""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import openai

# The SDK is built on httpx up to 2.x and on httpx2 from 3.0.
_http: Any = sys.modules[openai.DefaultHttpxClient.__mro__[1].__module__]

_ASKS_FOR_STREAM = re.compile(rb'"stream":\s*true')

BASE_URL = "https://api.openai.com/v1"

UNIQUE = "0a1b2c3d4e5f"
"""Placeholder for what is unique in each answer: some instrumentations key their state by the response id."""
_UNIQUE_BYTES = UNIQUE.encode()
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answers to every request; a stream has many chunks, a plain response has one."""

    content_type: str
    chunks: tuple[bytes, ...]


class _ChunkStream(_http.SyncByteStream, _http.AsyncByteStream):
    """Yields each chunk once, as a socket would: the SDK drains a stream after reading it."""

    def __init__(self, chunks: tuple[bytes, ...], *, gives_way: bool) -> None:
        self._chunks = iter(chunks)
        self._gives_way = gives_way

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            if self._gives_way:
                await asyncio.sleep(0)
            yield chunk


class ReplayTransport(_http.BaseTransport, _http.AsyncBaseTransport):
    """Answers every request with the same bytes, except for what makes an answer unique.

    Args:
        answer: What to answer.
        streamed: What to answer instead if the request asks for a stream.
        gives_way: Let other tasks run before each chunk, so that calls in an event loop interleave.
    """

    def __init__(self, answer: Answer, streamed: Answer | None = None, *, gives_way: bool = False) -> None:
        self._answer = answer
        self._streamed = streamed
        self._gives_way = gives_way

    def handle_request(self, request: Any) -> Any:
        """Answer a request of the synchronous client."""
        return self._response(request)

    async def handle_async_request(self, request: Any) -> Any:
        """Answer a request of the asynchronous client."""
        return self._response(request)

    def _response(self, request: Any) -> Any:
        answer = self._answer
        if self._streamed is not None and _ASKS_FOR_STREAM.search(request.content):
            answer = self._streamed
        number = f"{next(_numbers):0{len(UNIQUE)}x}".encode()
        chunks = tuple(chunk.replace(_UNIQUE_BYTES, number) for chunk in answer.chunks)
        stream = _ChunkStream(chunks, gives_way=self._gives_way)
        return _http.Response(
            200, headers={"content-type": answer.content_type}, stream=stream, request=request
        )


def sync_client(answer: Answer, streamed: Answer | None = None) -> openai.OpenAI:
    """A real client whose requests never leave the process."""
    http_client = _http.Client(transport=ReplayTransport(answer, streamed))
    return openai.OpenAI(api_key="benchmark", base_url=BASE_URL, max_retries=0, http_client=http_client)


def async_client(
    answer: Answer, streamed: Answer | None = None, *, gives_way: bool = False
) -> openai.AsyncOpenAI:
    """The asynchronous counterpart of `sync_client`."""
    transport = ReplayTransport(answer, streamed, gives_way=gives_way)
    http_client = _http.AsyncClient(transport=transport)
    return openai.AsyncOpenAI(api_key="benchmark", base_url=BASE_URL, max_retries=0, http_client=http_client)
