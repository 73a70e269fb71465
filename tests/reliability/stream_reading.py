"""Reads a stream as applications do, and writes down all that they can see of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
from openai import AsyncOpenAI, OpenAI

from .stream_cases import StreamCase

BODY: dict[str, Any] = {"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
Seen = list[str]


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
        return httpx2.Response(200, headers=self._case.headers, stream=Body(chunks, self._case, self._seen))


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A byte stream that says when it is closed."""

    def __init__(self, chunks: tuple[bytes, ...], case: StreamCase, seen: Seen) -> None:
        self._chunks = chunks
        self._case = case
        self._seen = seen

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
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
    stream = client.chat.completions.create(**BODY)
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
    with client.chat.completions.create(**BODY) as stream:
        for number, item in enumerate(stream):
            seen.append(item.model_dump_json())
            if number >= case.limit:
                return


def _read_bytes(client: OpenAI, case: StreamCase, seen: Seen) -> None:
    with client.chat.completions.with_streaming_response.create(**BODY) as response:
        ways = {"bytes": response.iter_bytes, "lines": response.iter_lines, "text": response.iter_text}
        way: Callable[[], Iterator[Any]] = ways.get(case.reading, response.http_response.iter_raw)
        for piece in way():
            seen.append(repr(piece))  # what came before an exception counts


def _read_raw_response(client: OpenAI, _: StreamCase, seen: Seen) -> None:
    for item in client.chat.completions.with_raw_response.create(**BODY).parse():
        seen.append(item.model_dump_json())  # likewise


_READERS: dict[str, Callable[[OpenAI, StreamCase, Seen], None]] = {
    "with": _read_with,
    **dict.fromkeys(("bytes", "raw", "lines", "text"), _read_bytes),
    "raw response": _read_raw_response,
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
        async with client.chat.completions.with_streaming_response.create(**BODY) as response:
            ways = {"bytes": response.iter_bytes, "lines": response.iter_lines, "text": response.iter_text}
            way: Any = ways.get(case.reading, response.http_response.aiter_raw)
            async for piece in way():
                seen.append(repr(piece))  # likewise
        return
    stream = await client.chat.completions.create(**BODY)
    count = 0
    async for item in stream:
        seen.append(item.model_dump_json())
        count += 1
        if case.reading in ("break", "close", "with") and count > case.limit:
            break
    await stream.close()
