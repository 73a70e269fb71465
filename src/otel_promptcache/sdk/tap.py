"""Watches the bytes of a response body as they pass; never consumes, delays or alters them."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from otel_promptcache.call import Call


def install_tap(response: Any, call: Call) -> None:
    """Put a tap between an unread HTTP response and its byte stream."""
    stream: object = response.stream
    response.stream = _tap_class(type(response).__module__, type(stream))(stream, call)


class _Tap:
    """Stands for a byte stream of httpx or httpx2, of the same kinds: sync, async or both."""

    def __init__(self, stream: Any, call: Call) -> None:
        self._stream = stream
        self._call = call

    def __getattr__(self, name: str) -> Any:
        # The response reads `elapsed` from its stream.
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[bytes]:
        call = self._call
        call.reading_begins()
        hides_usage_event = call.hides_usage_event
        try:
            for data in self._stream:
                call.chunk(data)
                if not hides_usage_event:
                    yield data
                elif kept := _or_else(call.passed_on(data), data):
                    yield kept
        except GeneratorExit:
            call.closed()
            raise
        except BaseException as error:
            call.end(error)
            raise
        call.body_ended()
        if rest := call.passed_on_at_the_end():
            yield rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._call.reading_begins()
        return _AsyncTap(self._stream.__aiter__(), self._call)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._call.closed()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.closed()

    def __del__(self) -> None:
        self._call.closed()


class _AsyncTap(AsyncGenerator[bytes, None]):
    """Delegates every step to the iterator of the stream itself.

    An object and not a native generator: the event loop would finalise one more generator in the chain at a
    time of its own.
    """

    def __init__(self, chunks: Any, call: Call) -> None:
        self._chunks: Any = chunks
        self._call = call
        self._hides_usage_event = call.hides_usage_event

    async def __anext__(self) -> bytes:
        call = self._call
        while True:
            try:
                data: bytes = await anext(self._chunks)
            except StopAsyncIteration:
                call.body_ended()
                if rest := call.passed_on_at_the_end():
                    return rest
                raise
            except BaseException as error:
                call.end(error)
                raise
            call.chunk(data)
            if not self._hides_usage_event:
                return data
            if kept := _or_else(call.passed_on(data), data):
                return kept

    async def asend(self, _: None) -> bytes:
        return await self.__anext__()

    async def athrow(self, *args: Any) -> bytes:
        return await self._chunks.athrow(*args)

    async def aclose(self) -> None:
        # A plain iterator has nothing to close, and without us nobody would try.
        if hasattr(self._chunks, "aclose"):
            await self._chunks.aclose()


def _or_else(kept: bytes | None, data: bytes) -> bytes:
    """What passes; all of it where a fault of ours kept us from telling."""
    return data if kept is None else kept


@functools.cache
def _tap_class(response_module: str, stream_class: type) -> type[_Tap]:
    """A tap that is an instance of the same stream interfaces, because the HTTP library checks for them."""
    http_library = sys.modules[response_module.partition(".")[0]]
    interfaces = (http_library.SyncByteStream, http_library.AsyncByteStream)
    return type(
        "TappedByteStream", (_Tap, *(kind for kind in interfaces if issubclass(stream_class, kind))), {}
    )
