"""What an application starts inside a request may see its context for ever, and must not keep the request alive."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from openai import AsyncOpenAI, OpenAI

from tests.conftest import Telemetry

from .server import BODY, answering, completion


class Prompt(str):
    """A text that can be watched."""

    __slots__ = ("__weakref__",)


def transport(contexts: list[contextvars.Context], answer: Any) -> httpx2.MockTransport:
    def handle(request: httpx2.Request) -> httpx2.Response:
        contexts.append(contextvars.copy_context())
        return answer(request)

    return httpx2.MockTransport(handle)


def claude_message() -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 10, "output_tokens": 5},
    }  # fmt: skip


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_context_that_was_copied_inside_a_request_keeps_nothing_of_it(
    sdk: str, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    contexts: list[contextvars.Context] = []
    prompt = Prompt("Where is my order?")
    watched = weakref.ref(prompt)
    messages: Any = [{"role": "user", "content": prompt}]
    if sdk == "openai":
        client = httpx2.Client(transport=transport(contexts, answering(completion())))
        with OpenAI(api_key="key", base_url="http://provider.test/v1", http_client=client) as openai:
            openai.chat.completions.create(model="gpt-5.4", messages=messages)
    else:
        client = httpx2.Client(transport=transport(contexts, answering(claude_message())))
        with Anthropic(api_key="key", base_url="http://provider.test", http_client=client) as anthropic:
            anthropic.messages.create(model="claude-opus-5", max_tokens=9, messages=messages)
    del prompt, messages
    gc.collect()
    assert len(contexts) == 1
    assert watched() is None
    assert telemetry.total("promptcache.requests") == 1


async def test_a_task_that_outlives_the_request_it_was_started_in_makes_calls_of_its_own(
    telemetry: Telemetry,
) -> None:
    telemetry.instrument()
    may_ask = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def ask_later() -> None:
        await may_ask.wait()
        await client.chat.completions.create(**BODY)

    async def sent(_: httpx2.Request) -> None:
        if not tasks:
            tasks.append(asyncio.create_task(ask_later()))

    http_client = httpx2.AsyncClient(
        transport=httpx2.MockTransport(answering(completion())), event_hooks={"request": [sent]}
    )
    async with AsyncOpenAI(
        api_key="key", base_url="http://provider.test/v1", http_client=http_client
    ) as client:
        await client.chat.completions.create(**BODY)
        may_ask.set()
        await tasks[0]
    assert telemetry.total("promptcache.requests") == 2
    assert len(telemetry.spans) == 2
