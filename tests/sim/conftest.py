"""A simulator on a manual clock, and real clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from otel_promptcache.sim import ManualClock, SimConfig, Simulator

IMMEDIATE: dict[str, Any] = {"prefill_seconds_per_1k_tokens": 0, "decode_seconds_per_token": 0}


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator(SimConfig(slow_seconds=0.001, **IMMEDIATE), clock=ManualClock()) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
def clock(sim: Simulator) -> ManualClock:
    assert isinstance(sim.clock, ManualClock)
    return sim.clock


@pytest.fixture(scope="session")
def session_client(running: Simulator) -> Iterator[OpenAI]:
    with OpenAI(base_url=running.base_url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def client(sim: Simulator, session_client: OpenAI) -> OpenAI:
    return session_client


@pytest.fixture
async def async_client(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=sim.base_url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def configured() -> Iterator[Callable[..., OpenAI]]:
    """Makes clients, each with its own simulator and settings."""
    open_things: list[Any] = []

    def start(**settings: Any) -> OpenAI:
        simulator = Simulator(SimConfig(**{**IMMEDIATE, **settings}), clock=ManualClock())
        open_things.append(simulator.__enter__())
        client = OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0)
        open_things.append(client.__enter__())
        return client

    yield start
    for thing in reversed(open_things):
        thing.__exit__(None, None, None)
