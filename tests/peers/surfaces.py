"""The ways to ask for an inference, each written once for both kinds of client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from .wire import MODEL

KINDS = ("sync", "async")

_INSTRUCTIONS = "You are a travel agent. Answer with the name of a city. " * 100
_QUESTION = "Where shall I go in May?"


class City(BaseModel):
    """What the parsing surfaces parse the answer into."""

    city: str


class Caller:
    """An application with a client of either kind, using it as that kind is used."""

    def __init__(self, client: OpenAI | AsyncOpenAI) -> None:
        self.client: Any = client
        self.is_async = isinstance(client, AsyncOpenAI)

    async def got(self, result: Any) -> Any:
        """The result of a method that is a coroutine only on the asynchronous client."""
        return await result if self.is_async else result

    async def first(self, stream: Any) -> Any:
        """The first item; the rest is left unread."""
        if self.is_async:
            async for item in stream:
                return item
        for item in stream:
            return item
        return None

    async def each(self, stream: Any) -> AsyncIterator[Any]:
        if self.is_async:
            async for item in stream:
                yield item
        else:
            for item in stream:
                yield item

    @asynccontextmanager
    async def inside(self, manager: Any) -> AsyncIterator[Any]:
        if self.is_async:
            async with manager as entered:
                yield entered
        else:
            with manager as entered:
                yield entered


@dataclass(frozen=True, slots=True)
class Api:
    """One of the two APIs for inferences, and how it differs from the other."""

    name: str
    resource: Callable[[Any], Any]
    request: dict[str, Any]
    streaming: dict[str, Any]
    """Arguments that make `create` stream, with usage."""
    helper: dict[str, Any]
    """Arguments that make the `stream` helper report usage."""
    parsing: str
    """The argument of `parse` that says what to parse into."""

    def __str__(self) -> str:
        return self.name


CHAT = Api(
    name="chat",
    resource=lambda client: client.chat.completions,
    request={
        "model": MODEL,
        "messages": [
            {"role": "system", "content": _INSTRUCTIONS},
            {"role": "user", "content": _QUESTION},
        ],
    },
    streaming={"stream": True, "stream_options": {"include_usage": True}},
    helper={"stream_options": {"include_usage": True}},
    parsing="response_format",
)

RESPONSES = Api(
    name="responses",
    resource=lambda client: client.responses,
    request={"model": MODEL, "instructions": _INSTRUCTIONS, "input": _QUESTION},
    streaming={"stream": True},
    helper={},
    parsing="text_format",
)

Use = Callable[[Api, Caller], Awaitable[Any]]
"""Makes one call to the end and returns all that the application sees of it."""


async def create(api: Api, caller: Caller) -> Any:
    return await caller.got(api.resource(caller.client).create(**api.request))


async def parse(api: Api, caller: Caller) -> Any:
    return await caller.got(api.resource(caller.client).parse(**api.request, **{api.parsing: City}))


async def create_stream(api: Api, caller: Caller) -> Any:
    stream = await caller.got(api.resource(caller.client).create(**api.request, **api.streaming))
    return [item async for item in caller.each(stream)]


async def stream_helper(api: Api, caller: Caller) -> Any:
    async with caller.inside(api.resource(caller.client).stream(**api.request, **api.helper)) as stream:
        return [item async for item in caller.each(stream)]


async def raw(api: Api, caller: Caller) -> Any:
    response = await caller.got(api.resource(caller.client).with_raw_response.create(**api.request))
    return response.status_code, response.request_id, response.parse()


async def raw_stream(api: Api, caller: Caller) -> Any:
    resource = api.resource(caller.client).with_raw_response
    response = await caller.got(resource.create(**api.request, **api.streaming))
    items = [item async for item in caller.each(response.parse())]
    return response.status_code, response.request_id, items


async def streamed(api: Api, caller: Caller) -> Any:
    resource = api.resource(caller.client).with_streaming_response
    async with caller.inside(resource.create(**api.request)) as response:
        return response.status_code, response.request_id, await caller.got(response.parse())


async def streamed_stream(api: Api, caller: Caller) -> Any:
    resource = api.resource(caller.client).with_streaming_response
    async with caller.inside(resource.create(**api.request, **api.streaming)) as response:
        items = [item async for item in caller.each(await caller.got(response.parse()))]
        return response.status_code, response.request_id, items


@dataclass(frozen=True, slots=True)
class Surface:
    """One way to ask one API."""

    api: Api
    use: Use

    async def __call__(self, caller: Caller) -> Any:
        return await self.use(self.api, caller)

    @property
    def is_streaming(self) -> bool:
        return self.use in STREAMING_USES

    def __str__(self) -> str:
        return f"{self.api.name}.{self.use.__name__}"


APIS = (CHAT, RESPONSES)
STREAMING_USES = (create_stream, stream_helper, raw_stream, streamed_stream)
USES = (create, parse, raw, streamed, *STREAMING_USES)
SURFACES = tuple(Surface(api, use) for api in APIS for use in USES)
