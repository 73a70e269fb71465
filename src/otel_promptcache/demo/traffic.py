"""The running applications: real clients, each in its own thread or task, at its own pace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from random import Random
from types import TracebackType
from typing import Any, final

from anthropic import Anthropic
from anthropic import DefaultHttpxClient as AnthropicHttpxClient
from openai import (
    AsyncAzureOpenAI,
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
)

from otel_promptcache import prefix
from otel_promptcache.sim.workloads import Arguments, Workload

_API_KEY = "demo"
_API_VERSION = "2024-10-21"
_ANY_MODEL, _ANY_CLAUDE = "gpt-4.1-nano", "claude-haiku-4-5"
_NAP_SECONDS = 0.1


@final
class Traffic:
    """Lets applications send all their requests, spread over the given time, while the block runs.

    Each application sends one request at a time, so that the content of the cache does not depend on which is
    faster. Leaving the block early drops what was not sent yet.

    Args:
        url: The provider: scheme, host and port.
        workloads: Who sends what.
        seconds: How long it should take. It takes longer on a slow machine.
        seed: The same seed gives the same requests in the same rhythm.
    """

    def __init__(self, url: str, workloads: Sequence[Workload], *, seconds: float, seed: int) -> None:
        self._url = url
        self._workloads = workloads
        self._schedules = {one.name: _schedule(one, seconds, seed) for one in workloads}
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(workloads) + 1, thread_name_prefix="demo")
        self._running: list[Future[None]] = []
        self._started_seconds = 0.0

    def __enter__(self) -> Traffic:
        self._started_seconds = time.monotonic()
        threaded = [one for one in self._workloads if one.client == "sync"]
        self._running = [self._pool.submit(self._run, one) for one in threaded]
        self._running.append(self._pool.submit(lambda: asyncio.run(self._run_tasks())))
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown()

    @property
    def requests(self) -> int:
        """How many requests there will be in all."""
        return sum(map(len, self._schedules.values()))

    @property
    def elapsed_seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._started_seconds

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the applications to finish, at most this long, and return whether they have.

        Raises:
            Exception: An application failed with it.
        """
        done, working = wait(self._running, seconds, FIRST_EXCEPTION)
        for application in done:
            application.result()
        return not working

    def _run(self, workload: Workload) -> None:
        with _client(self._url, workload) as client:
            create = _endpoint(client, workload)
            for at_seconds, arguments in self._schedules[workload.name]:
                if self._stop.wait(max(0.0, at_seconds - self.elapsed_seconds)):
                    return
                with prefix(workload.name):
                    reply = create(**arguments)
                for _ in reply if arguments.get("stream") else ():
                    pass

    async def _run_tasks(self) -> None:
        await asyncio.gather(*(self._run_task(one) for one in self._workloads if one.client != "sync"))

    async def _run_task(self, workload: Workload) -> None:
        async with self._async_client(workload) as client:
            create = _endpoint(client, workload)
            for at_seconds, arguments in self._schedules[workload.name]:
                # A threading event cannot be awaited.
                while not self._stop.is_set() and (rest := at_seconds - self.elapsed_seconds) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(min(rest, _NAP_SECONDS))
                if self._stop.is_set():
                    return
                with prefix(workload.name):
                    reply = await create(**arguments)
                if arguments.get("stream"):
                    async for _ in reply:
                        pass

    def _async_client(self, workload: Workload) -> AsyncOpenAI:
        http_client = DefaultAsyncHttpxClient(trust_env=False)
        if workload.client == "azure":
            return AsyncAzureOpenAI(
                azure_endpoint=self._url, api_version=_API_VERSION, api_key=_API_KEY, http_client=http_client
            )
        return AsyncOpenAI(base_url=f"{self._url}/v1", api_key=_API_KEY, http_client=http_client)


def warm_up(url: str) -> None:
    """Make one call of each kind, so that the next one takes no longer than any other."""
    with _openai(url) as client:
        client.chat.completions.create(model=_ANY_MODEL, messages=[{"role": "user", "content": "Hello"}])
        client.responses.create(model=_ANY_MODEL, input="Hello")
    with _anthropic(url) as claude:
        claude.messages.create(
            model=_ANY_CLAUDE, max_tokens=1, messages=[{"role": "user", "content": "Hello"}]
        )


def _client(url: str, workload: Workload) -> OpenAI | Anthropic:
    return _anthropic(url) if workload.api == "messages" else _openai(url)


def _openai(url: str) -> OpenAI:
    # A proxy set in the environment is not meant for loopback.
    http_client = DefaultHttpxClient(trust_env=False)
    return OpenAI(base_url=f"{url}/v1", api_key=_API_KEY, http_client=http_client)


def _anthropic(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key=_API_KEY, http_client=AnthropicHttpxClient(trust_env=False))


def _endpoint(client: OpenAI | AsyncOpenAI | Anthropic, workload: Workload) -> Any:
    if isinstance(client, Anthropic):
        return client.messages.create
    return client.chat.completions.create if workload.api == "chat" else client.responses.create


def _schedule(workload: Workload, seconds: float, seed: int) -> list[tuple[float, Arguments]]:
    requests = list(workload.requests(seed))
    chance = Random(f"pace of {workload.name} {seed}")  # noqa: S311  # reproducible on purpose
    return [
        ((index + chance.random()) / len(requests) * seconds, arguments)
        for index, arguments in enumerate(requests)
    ]
