"""Watches the bytes of a response body as they pass; never consumes, delays or alters them."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, cast

from otel_promptcache.calls.fetch import Exchange


def install_tap(response: Any, call: Exchange) -> None:
    """Put a tap between an unread HTTP response and its byte stream."""
    stream: object = response.stream
    response.stream = _tap_class(type(cast("object", response)), type(stream))(stream, call)


class _Tap:
    """Wraps a byte stream of httpx or httpx2, and is of the same kinds: sync, async or both."""

    def __init__(self, stream: Any, call: Exchange) -> None:
        self._stream = stream
        self._call = call

    def __getattr__(self, name: str) -> Any:
        # The response reads `elapsed` from its stream.
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[bytes]:
        call = self._call
        call.is_read()
        hides_usage_event = call.amendments.hides_usage_event
        try:
            for data in self._stream:
                call.chunk(data)
                if not hides_usage_event:
                    yield data
                else:
                    yield from _or_else(call.amendments.passed_on(data), data)
        except GeneratorExit:
            call.closed()
            raise
        except BaseException as error:
            call.end(error)
            yield from call.amendments.passed_on_at_the_end() or ()
            raise
        call.body_ended()
        yield from call.amendments.passed_on_at_the_end() or ()

    def __aiter__(self) -> AsyncIterator[bytes]:
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

    An object rather than a native generator, because the event loop would finalise another generator in the chain at
    a time of its own choosing.
    """

    def __init__(self, chunks: Any, call: Exchange) -> None:
        self._chunks: Any = chunks
        self._call = call
        self._hides_usage_event = call.amendments.hides_usage_event
        self._reads = 0
        self._ready: deque[bytes] = deque()
        """What may be handed out before the next chunk is requested."""
        self._errors: list[BaseException] = []
        """The exception that follows what may be handed out; none or one."""

    async def __anext__(self) -> bytes:
        call = self._call
        while not self._ready:
            if self._errors:
                raise self._errors.pop()
            self._reads += 1
            if self._reads <= 2:  # noqa: PLR2004  # whether one task or several read
                call.is_read()
            try:
                data: bytes = await anext(self._chunks)
            except StopAsyncIteration as end:
                call.body_ended()
                if not self._comes_later(end):
                    raise
            except BaseException as error:
                call.end(error)
                if not self._comes_later(error):
                    raise
            else:
                call.chunk(data)
                if not self._hides_usage_event:
                    return data
                self._ready.extend(_or_else(call.amendments.passed_on(data), data))
        return self._ready.popleft()

    def _comes_later(self, error: BaseException) -> bool:
        """Tell whether an exception of the stream must wait for what was held back."""
        self._ready.extend(self._call.amendments.passed_on_at_the_end() or ())
        if not self._ready:
            return False
        # Without the frame that called this, which would keep the tap alive until the next garbage collection.
        self._errors.append(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))
        return True

    async def asend(self, _: None) -> bytes:
        return await self.__anext__()

    async def athrow(self, *args: Any) -> bytes:
        return await self._chunks.athrow(*args)

    async def aclose(self) -> None:
        # A plain iterator has nothing to close, and without us nobody would try.
        if hasattr(self._chunks, "aclose"):
            await self._chunks.aclose()


def _or_else(kept: list[bytes] | None, data: bytes) -> list[bytes]:
    """What passes; all of it if a fault of ours kept us from deciding."""
    return [data] if kept is None else kept


@functools.lru_cache(64)
def _tap_class(response_class: type, stream_class: type) -> type[_Tap]:
    """A tap that is an instance of the same stream interfaces, because the HTTP library checks for them."""
    modules = (sys.modules.get(kind.__module__.partition(".")[0]) for kind in response_class.__mro__)
    http_library: Any = next(each for each in modules if hasattr(each, "SyncByteStream"))
    interfaces = (http_library.SyncByteStream, http_library.AsyncByteStream)
    return type(
        "TappedByteStream", (_Tap, *(kind for kind in interfaces if issubclass(stream_class, kind))), {}
    )
