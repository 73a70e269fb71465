"""A stream leaves no more to the garbage collector with us than without us.

It finalises what is left at any time and in any thread: even asynchronous generators while they are running.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.conftest import Telemetry
from tests.garbage import left_to_the_collector

from .stream_cases import READINGS, make_case
from .stream_reading import aread, read

CASES = [make_case(seed) for seed in range(40)]
Left = list[Counter[str]]


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
    more = [left - without for left, without in zip(left_by_all(is_async=is_async), expected, strict=True)]
    assert more == [Counter()] * len(CASES)
