"""Streams that the application does not read to the end, alongside another instrumentation."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from .emitted import Emitted
from .instrumentations import ORDERS, Instrumentations, Order, the_enriched_span
from .surfaces import APIS, Api, Caller
from .wire import answering

Break = Callable[[Api, Caller], Awaitable[None]]


class EnoughError(Exception):
    """Raised by the application inside the block that reads a stream."""


async def _stream(api: Api, caller: Caller) -> Any:
    return await caller.got(api.resource(caller.client).create(**api.request, **api.streaming))


async def close(api: Api, caller: Caller) -> None:
    stream = await _stream(api, caller)
    await caller.first(stream)
    await caller.got(stream.close())


async def leave_the_block(api: Api, caller: Caller) -> None:
    async with caller.inside(await _stream(api, caller)) as stream:
        await caller.first(stream)


async def raise_in_the_block(api: Api, caller: Caller) -> None:
    async def read() -> None:
        async with caller.inside(await _stream(api, caller)) as stream:
            await caller.first(stream)
            raise EnoughError

    with pytest.raises(EnoughError):
        await read()


async def leave_the_helper(api: Api, caller: Caller) -> None:
    async with caller.inside(api.resource(caller.client).stream(**api.request, **api.helper)) as stream:
        await caller.first(stream)


async def drop(api: Api, caller: Caller) -> None:
    await caller.first(await _stream(api, caller))


async def never_read(api: Api, caller: Caller) -> None:
    await _stream(api, caller)


BREAKS = (close, leave_the_block, raise_in_the_block, leave_the_helper, drop, never_read)


@pytest.fixture(autouse=True, scope="module")
def _small_heap() -> Iterator[None]:
    """Keeps existing objects out of the many garbage collections to come."""
    gc.freeze()
    yield
    gc.unfreeze()


async def _collect_garbage() -> None:
    for _ in range(3):  # a generator's finalisation is a task of the event loop
        gc.collect()
        await asyncio.sleep(0)


@pytest.mark.parametrize("break_off", BREAKS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("api", APIS, ids=str)
@pytest.mark.parametrize("installed", ORDERS, ids="-".join)
async def test_a_stream_that_is_not_read_to_the_end_is_counted_once_and_adds_no_span(
    emitted: Emitted,
    instrumentations: Instrumentations,
    caller_to: Callable[..., Caller],
    installed: Order,
    api: Api,
    break_off: Break,
) -> None:
    instrumentations.install(*installed)

    await break_off(api, caller_to(answering(1_920)))
    await _collect_garbage()

    span = the_enriched_span(emitted, installed)
    (request,) = emitted.requests()
    assert span["promptcache.prefix.fingerprint"] == request["promptcache.prefix.fingerprint"]
    assert span["promptcache.prefix.digest"]
    assert span["promptcache.result"] == request["promptcache.result"] == "unknown"
