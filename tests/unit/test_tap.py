"""The tap passes on what the stream yields, and notifies the call; here with a call that only takes notes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from otel_promptcache.sdk.tap import _Tap
from otel_promptcache.wire.openai.usage_event_filter import UsageEventFilter

USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n\n'
CHUNKS = [b"data: 1\n\n", USAGE, b"data: 2\n\ndata: ", b"incomplete"]


class Call:
    """Notes what the tap reports."""

    def __init__(self, *, hides_usage_event: bool = False, is_faulty: bool = False) -> None:
        self.notes: list[Any] = []
        self.hides_usage_event = hides_usage_event
        self._filter = UsageEventFilter()
        self._is_faulty = is_faulty
        self.amendments = self

    def chunk(self, data: bytes) -> None:
        self.notes.append(data)

    def passed_on(self, data: bytes) -> list[bytes] | None:
        return None if self._is_faulty else self._filter.feed(data)

    def passed_on_at_the_end(self) -> list[bytes] | None:
        return self._filter.rest() if self.hides_usage_event and not self._is_faulty else []

    def body_ended(self) -> None:
        self.notes.append("body_ended")

    def end(self, error: BaseException | None = None) -> None:
        self.notes.append(("end", error))

    def is_read(self) -> None:
        pass

    def closed(self) -> None:
        self.notes.append("closed")


class Stream:
    elapsed = 7

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from CHUNKS
        if self._error is not None:
            raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


class PlainIterator:
    """An asynchronous iterator that is not a generator."""

    def __init__(self) -> None:
        self._chunks = iter(CHUNKS)

    def __aiter__(self) -> PlainIterator:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


def tapped(call: Call, stream: Any = None) -> _Tap:
    return _Tap(stream or Stream(), call)  # type: ignore[arg-type]


async def passed(tap: _Tap, *, is_async: bool) -> list[bytes]:
    return [chunk async for chunk in tap] if is_async else list(tap)


@pytest.mark.parametrize("is_async", [False, True])
async def test_each_chunk_is_passed_on_as_it_is(is_async: bool) -> None:
    call = Call()
    assert await passed(tapped(call), is_async=is_async) == CHUNKS
    assert call.notes[: len(CHUNKS) + 1] == [*CHUNKS, "body_ended"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_call_knows_of_a_chunk_before_the_application_has_it(is_async: bool) -> None:
    call = Call()
    tap = tapped(call)
    first = await tap.__aiter__().__anext__() if is_async else next(iter(tap))
    assert first == CHUNKS[0]
    assert call.notes[:1] == CHUNKS[:1]


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_usage_event_is_hidden_and_nothing_else_is(is_async: bool) -> None:
    call = Call(hides_usage_event=True)
    assert await passed(tapped(call), is_async=is_async) == [
        b"data: 1\n\n",
        b"data: 2\n\n",
        b"data: ",
        b"incomplete",
    ]
    assert call.notes[: len(CHUNKS)] == CHUNKS


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_fault_in_hiding_passes_everything_on(is_async: bool) -> None:
    assert await passed(tapped(Call(hides_usage_event=True, is_faulty=True)), is_async=is_async) == CHUNKS


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_error_of_the_stream_is_the_calls_and_goes_on(is_async: bool) -> None:
    call, error = Call(), ConnectionError()
    with pytest.raises(ConnectionError) as raised:
        await passed(tapped(call, Stream(error)), is_async=is_async)
    assert raised.value is error
    assert call.notes[len(CHUNKS)] == ("end", error)


@pytest.mark.parametrize("is_async", [False, True])
async def test_what_was_held_back_comes_before_an_error_of_the_stream(is_async: bool) -> None:
    tap = tapped(Call(hides_usage_event=True), Stream(ConnectionError()))
    got: list[bytes] = []
    with pytest.raises(ConnectionError):
        if is_async:
            async for chunk in tap:
                got.append(chunk)  # noqa: PERF401  # what came before the error counts
        else:
            chunks = iter(tap)
            while True:
                got.append(next(chunks))
    assert got[-2:] == [b"data: ", b"incomplete"]


async def test_what_is_sent_and_thrown_into_the_tap_reaches_the_stream() -> None:
    call = Call()
    chunks: Any = tapped(call).__aiter__()
    assert await chunks.asend(None) == CHUNKS[0]
    with pytest.raises(KeyError):
        await chunks.athrow(KeyError())
    await chunks.aclose()


async def test_a_stream_of_a_plain_iterator_has_nothing_to_close() -> None:
    call = Call()
    chunks: Any = tapped(call, PlainIterator()).__aiter__()
    assert [chunk async for chunk in chunks] == CHUNKS
    await chunks.aclose()


def test_what_else_the_stream_has_is_there() -> None:
    assert tapped(Call()).elapsed == 7
