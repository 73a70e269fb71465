"""A call leaves no more to the garbage collector with us than without us.

It finalises what is left at any time and in any thread: even asynchronous generators while they are running.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI

from otel_promptcache import prefix
from tests.conftest import Telemetry
from tests.garbage import Left, left_because_of_us, left_to_the_collector, nothing

from .server import BODY, answering, client_of, completion
from .stream_cases import READINGS, make_case
from .stream_reading import aread, read

CASES = [make_case(seed) for seed in range(40)]


def refused(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


ANSWERS = [
    answering(completion()),
    answering(completion(usage=None)),
    answering(b"{not json"),
    lambda _: httpx2.Response(429, json={"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
    refused,
]


def left_by_all(*, is_async: bool) -> Left:
    return left_to_the_collector(
        [lambda case=case: asyncio.run(aread(case)) if is_async else read(case) for case in CASES]
    )


@pytest.fixture(scope="module", params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def expected(is_async: bool) -> Left:  # a fixture
    """What is left of each stream without us."""
    left_by_all(is_async=is_async)  # what is imported and cached at first
    return left_by_all(is_async=is_async)


def test_the_streams_are_of_all_shapes() -> None:
    assert {case.reading for case in CASES} == set(READINGS)
    assert {case.error is None for case in CASES} == {False, True}


@pytest.mark.parametrize("stream_usage", [False, True])
def test_a_stream_leaves_nothing_more(
    telemetry: Telemetry,
    expected: Left,
    is_async: bool,  # a fixture
    stream_usage: bool,  # a parameter
) -> None:
    telemetry.instrument(stream_usage=stream_usage)
    assert left_because_of_us(left_by_all(is_async=is_async), expected) == nothing(CASES)


def call(answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
    with client_of(answer) as client, suppress(Exception):
        client.chat.completions.create(**BODY)


async def acall(answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
    transport = httpx2.MockTransport(answer)
    http_client = httpx2.AsyncClient(transport=transport)
    async with AsyncOpenAI(api_key="key", max_retries=0, http_client=http_client) as client:
        with suppress(Exception):
            await client.chat.completions.create(**BODY)


def test_a_plain_call_leaves_nothing_more(telemetry: Telemetry, is_async: bool) -> None:  # a fixture
    def left_by_calls() -> Left:
        return left_to_the_collector(
            [lambda each=each: asyncio.run(acall(each)) if is_async else call(each) for each in ANSWERS]
        )

    left_by_calls()
    expected = left_by_calls()
    telemetry.instrument()
    left_by_calls()
    assert left_because_of_us(left_by_calls(), expected) == nothing(ANSWERS)
    assert telemetry.total("promptcache.requests") == 2 * len(ANSWERS)


def numbers() -> Iterator[int]:
    yield 1
    yield 2


async def anumbers() -> AsyncIterator[int]:
    yield 1
    yield 2


def throw_into(steps: Any) -> None:
    next(steps)
    with suppress(ValueError):
        steps.throw(ValueError("thrown in"))


async def athrow_into(steps: Any) -> None:
    await anext(steps)
    with suppress(ValueError):
        await steps.athrow(ValueError("thrown in"))


def test_what_is_thrown_into_a_named_generator_leaves_nothing() -> None:
    named, anamed = prefix("numbers")(numbers), prefix("numbers")(anumbers)
    runs = [lambda: throw_into(named()), lambda: asyncio.run(athrow_into(anamed()))]
    left_to_the_collector(runs)
    assert left_to_the_collector(runs) == nothing(runs)
