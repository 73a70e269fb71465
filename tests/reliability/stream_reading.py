"""Reads a stream as applications do, and records everything they can see of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
from openai import AsyncOpenAI, OpenAI

from .stream_cases import StreamCase

BODIES: dict[str, dict[str, Any]] = {
    "chat": {"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "gpt-5.4", "input": "Hi"},
    "completions": {"model": "gpt-3.5-turbo-instruct", "prompt": "Hi"},
}
Seen = list[str]
ASKED = "asked for a chunk"
"""What the application sees, and when the transport was asked for its chunks, in order."""


def resource(client: Any, case: StreamCase) -> Any:
    """The part of the client that has `create`."""
    return client.chat.completions if case.api == "chat" else getattr(client, case.api)


def streamed(case: StreamCase) -> dict[str, Any]:
    return {**BODIES[case.api], "stream": True}


class Transport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Answers with a case, with the usage event if the request asks for it."""

    def __init__(self, case: StreamCase, seen: Seen) -> None:
        self._case = case
        self._seen = seen

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._answer(request.content)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._answer(request.content)

    def _answer(self, content: bytes) -> httpx2.Response:
        asks = "stream_options" in json.loads(content)
        chunks = self._case.chunks_with_usage if asks else self._case.chunks
        ours = self._case.usage_chunks if asks else range(0)
        return httpx2.Response(
            200, headers=self._case.headers, stream=Body(chunks, ours, self._case, self._seen)
        )


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A byte stream that records when it is asked for a chunk, except for ours, and when it is closed."""

    def __init__(self, chunks: tuple[bytes, ...], ours: range, case: StreamCase, seen: Seen) -> None:
        self._chunks = chunks
        self._ours = ours
        self._case = case
        self._seen = seen

    def __iter__(self) -> Iterator[bytes]:
        for index, chunk in enumerate(self._chunks):
            if index not in self._ours:
                self._seen.append(ASKED)
            yield chunk
        self._seen.append(ASKED)
        if self._case.error is not None:
            raise self._case.error("broken")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self._seen.append("closed")

    async def aclose(self) -> None:
        self._seen.append("closed")


def described(error: BaseException | None) -> str:
    """An exception with its cause and its context."""
    if error is None:
        return ""
    return (
        f"{type(error).__qualname__}({error}) < {described(error.__cause__)} < {described(error.__context__)}"
    )


def read(case: StreamCase) -> Seen:
    """Read a case with the synchronous client."""
    seen: Seen = []
    with OpenAI(
        api_key="key", http_client=httpx2.Client(transport=Transport(case, seen)), max_retries=0
    ) as client:
        try:
            _READERS.get(case.reading, _read_items)(client, case, seen)
        except Exception as error:  # noqa: BLE001  # any is a result
            seen.append(described(error))
    return seen


def _read_items(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    stream = resource(client, case).create(**streamed(case))
    if case.reading == "next":
        while True:
            seen.append(next(stream).model_dump_json())
    for number, item in enumerate(stream):
        seen.append(item.model_dump_json())
        if case.reading in ("break", "close") and number >= case.limit:
            break
    if case.reading in ("break", "close"):
        stream.close()


def _read_with(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    with resource(client, case).create(**streamed(case)) as stream:
        for number, item in enumerate(stream):
            seen.append(item.model_dump_json())
            if number >= case.limit:
                return


def _read_bytes(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    with resource(client, case).with_streaming_response.create(**streamed(case)) as response:
        ways = {"bytes": response.iter_bytes, "lines": response.iter_lines, "text": response.iter_text}
        way: Callable[[], Iterator[Any]] = ways.get(case.reading, response.http_response.iter_raw)
        for piece in way():
            seen.append(repr(piece))  # what came before an exception counts


def _read_raw_response(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    for item in resource(client, case).with_raw_response.create(**streamed(case)).parse():
        seen.append(item.model_dump_json())  # likewise


def _read_helper(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    if case.api == "completions":  # which has no helper
        _read_items(client, case, seen)
        return
    with resource(client, case).stream(**BODIES[case.api]) as stream:
        for event in stream:
            seen.append(f"{event.type} {event.model_dump_json()}")


_READERS: dict[str, Callable[[OpenAI, StreamCase, Seen], None]] = {
    "with": _read_with,
    **dict.fromkeys(("bytes", "raw", "lines", "text"), _read_bytes),
    "raw response": _read_raw_response,
    "helper": _read_helper,
}


async def aread(case: StreamCase) -> Seen:
    """Read a case with the asynchronous client."""
    seen: Seen = []
    transport = httpx2.AsyncClient(transport=Transport(case, seen))
    async with AsyncOpenAI(api_key="key", http_client=transport, max_retries=0) as client:
        try:
            await _aread(client, case, seen)
        except Exception as error:  # noqa: BLE001  # any is a result
            seen.append(described(error))
    return seen


async def _aread(client: AsyncOpenAI, case: StreamCase, seen: Seen) -> None:
    if case.reading in ("bytes", "raw", "lines", "text"):
        async with resource(client, case).with_streaming_response.create(**streamed(case)) as response:
            ways = {"bytes": response.iter_bytes, "lines": response.iter_lines, "text": response.iter_text}
            way: Any = ways.get(case.reading, response.http_response.aiter_raw)
            async for piece in way():
                seen.append(repr(piece))  # likewise
        return
    if case.reading == "helper" and case.api != "completions":
        async with resource(client, case).stream(**BODIES[case.api]) as helper:
            async for event in helper:
                seen.append(f"{event.type} {event.model_dump_json()}")
        return
    stream = await resource(client, case).create(**streamed(case))
    count = 0
    async for item in stream:
        seen.append(item.model_dump_json())
        count += 1
        if case.reading in ("break", "close", "with") and count > case.limit:
            break
    await stream.close()
