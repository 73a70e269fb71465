from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI

from .emitted import Emitted
from .instrumentations import Instrumentations
from .surfaces import KINDS, Caller
from .wire import Answer


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    emitted = Emitted()
    yield emitted
    emitted.close()


@pytest.fixture
def instrumentations(emitted: Emitted) -> Iterator[Instrumentations]:
    instrumentations = Instrumentations(emitted)
    yield instrumentations
    instrumentations.remove(*reversed(instrumentations.installed))
    for client_class in (OpenAI, AsyncOpenAI):
        if "request" in vars(client_class):  # OpenInference leaves behind what it found on the base class
            del client_class.request


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def caller_to(kind: str) -> AsyncIterator[Callable[..., Caller]]:
    """Makes an application with a client of the kind, which talks to the given provider."""
    callers: list[Caller] = []

    def caller_to(answer: Answer, *, max_retries: int = 0) -> Caller:
        client_class, http_class = {
            "sync": (OpenAI, httpx2.Client),
            "async": (AsyncOpenAI, httpx2.AsyncClient),
        }[kind]
        http_client = http_class(transport=httpx2.MockTransport(answer))
        client = client_class(api_key="sk-test", http_client=http_client, max_retries=max_retries)
        callers.append(Caller(client))
        return callers[-1]

    yield caller_to
    for caller in callers:
        await caller.got(caller.client.close())
