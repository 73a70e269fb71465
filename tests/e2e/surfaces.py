"""Every way to run an inference with the SDK, as a function from a client to what the caller sees."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from otel_promptcache.sim import filler_text

View = list[Any]
"""What a caller sees: values and types, in order of appearance."""

RULES = filler_text(1_500)
TOOL = {
    "type": "function",
    "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
}
CHAT: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": RULES}, {"role": "user", "content": "Where is my order?"}],
}
RESPONSES: dict[str, Any] = {"model": "gpt-5.6-sol", "instructions": RULES, "input": "Where is my order?"}
COMPLETION: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": RULES}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


class Answer(BaseModel):
    """A structured answer."""

    text: str
    score: int


@dataclass(frozen=True)
class Surface:
    """One way to call, sync and async, and what telemetry to expect of it."""

    name: str
    call: Callable[[OpenAI], View]
    acall: Callable[[AsyncOpenAI], Awaitable[View]]
    api_type: str | None = "chat_completions"
    reports_usage: bool = True
    is_stream: bool = False
    since: tuple[int, int] = (1, 66)
    """The SDK version that introduced the surface."""

    @property
    def is_available(self) -> bool:
        return tuple(map(int, openai.__version__.split(".")[:2])) >= self.since


def seen(value: Any) -> Any:
    """A value with its type."""
    if isinstance(value, BaseModel):
        return type(value).__qualname__, value.model_dump(warnings=False)
    return type(value).__qualname__, value


def comparable(view: Any) -> str:
    """Everything that was seen, down to types and order, except for the provider's random ids."""
    return re.sub(r"[0-9a-f]{20,}", "<id>", repr(view))


def _plain(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        return [seen(create(client)(**body))]

    async def acall(client: AsyncOpenAI) -> View:
        return [seen(await create(client)(**body))]

    return {"call": call, "acall": acall}


def _stream(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        with create(client)(**body) as stream:
            return [type(stream).__qualname__, *map(seen, stream)]

    async def acall(client: AsyncOpenAI) -> View:
        async with await create(client)(**body) as stream:
            return [type(stream).__qualname__, *[seen(event) async for event in stream]]

    return {"call": call, "acall": acall, "is_stream": True}


def _helper(stream: Callable[[Any], Any], final: str, body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        with stream(client)(**body) as events:
            return [*(type(event).__qualname__ for event in events), seen(getattr(events, final)())]

    async def acall(client: AsyncOpenAI) -> View:
        async with stream(client)(**body) as events:
            names = [type(event).__qualname__ async for event in events]
            return [*names, seen(await getattr(events, final)())]

    return {"call": call, "acall": acall, "is_stream": True}


def _raw(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        raw = create(client)(**body)
        return [type(raw).__qualname__, raw.status_code, raw.content, seen(raw.parse()), raw.elapsed.days]

    async def acall(client: AsyncOpenAI) -> View:
        raw = await create(client)(**body)
        return [type(raw).__qualname__, raw.status_code, raw.content, seen(raw.parse()), raw.elapsed.days]

    return {"call": call, "acall": acall}


def _raw_stream(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        with create(client)(**body).parse() as stream:
            return [type(stream).__qualname__, *map(seen, stream)]

    async def acall(client: AsyncOpenAI) -> View:
        async with (await create(client)(**body)).parse() as stream:
            return [type(stream).__qualname__, *[seen(event) async for event in stream]]

    return {"call": call, "acall": acall, "is_stream": True}


def _streaming_response(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        with create(client)(**body) as response:
            parsed = response.parse()
            return [type(response).__qualname__, response.status_code, seen(parsed), seen(response.read())]

    async def acall(client: AsyncOpenAI) -> View:
        async with create(client)(**body) as response:
            parsed = await response.parse()
            return [
                type(response).__qualname__,
                response.status_code,
                seen(parsed),
                seen(await response.read()),
            ]

    return {"call": call, "acall": acall}


def _streaming_response_lines(create: Callable[[Any], Any], body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        with create(client)(**body) as response:
            return list(response.iter_lines())

    async def acall(client: AsyncOpenAI) -> View:
        async with create(client)(**body) as response:
            return [line async for line in response.iter_lines()]

    return {"call": call, "acall": acall, "is_stream": True}


def _post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    def call(client: OpenAI) -> View:
        return [seen(client.post(path, cast_to=object, body=body))]

    async def acall(client: AsyncOpenAI) -> View:
        return [seen(await client.post(path, cast_to=object, body=body))]

    return {"call": call, "acall": acall}


_STRUCTURED_CHAT = {**CHAT, "response_format": Answer}
_STRUCTURED_RESPONSES = {**RESPONSES, "text_format": Answer}
_R: dict[str, Any] = {"api_type": "responses"}

SURFACES = (
    Surface("chat.create", **_plain(lambda c: c.chat.completions.create, CHAT)),
    Surface("chat.create tools", **_plain(lambda c: c.chat.completions.create, {**CHAT, "tools": [TOOL], "tool_choice": "required", "n": 2})),
    Surface("chat.create extra_body", **_plain(lambda c: c.chat.completions.create, {**CHAT, "extra_body": {"prompt_cache_key": "k"}})),
    Surface("chat.create stream", **_stream(lambda c: c.chat.completions.create, {**CHAT, **WITH_USAGE})),
    Surface("chat.create stream n=2", **_stream(lambda c: c.chat.completions.create, {**CHAT, **WITH_USAGE, "n": 2})),
    Surface("chat.create stream tools", **_stream(lambda c: c.chat.completions.create, {**CHAT, **WITH_USAGE, "tools": [TOOL], "tool_choice": "required"})),
    Surface("chat.create stream without usage", **_stream(lambda c: c.chat.completions.create, {**CHAT, "stream": True}), reports_usage=False),
    Surface("chat.parse", **_plain(lambda c: c.chat.completions.parse, _STRUCTURED_CHAT), since=(1, 92)),
    Surface("chat.stream", **_helper(lambda c: c.chat.completions.stream, "get_final_completion", {**CHAT, "stream_options": {"include_usage": True}}), since=(1, 92)),
    Surface("beta.chat.parse", **_plain(lambda c: c.beta.chat.completions.parse, _STRUCTURED_CHAT)),
    Surface("chat.raw", **_raw(lambda c: c.chat.completions.with_raw_response.create, CHAT)),
    Surface("chat.raw stream", **_raw_stream(lambda c: c.chat.completions.with_raw_response.create, {**CHAT, **WITH_USAGE})),
    Surface("chat.streaming_response", **_streaming_response(lambda c: c.chat.completions.with_streaming_response.create, CHAT)),
    Surface("chat.streaming_response lines", **_streaming_response_lines(lambda c: c.chat.completions.with_streaming_response.create, {**CHAT, **WITH_USAGE})),
    Surface("responses.create", **_plain(lambda c: c.responses.create, RESPONSES), **_R),
    Surface("responses.create stream", **_stream(lambda c: c.responses.create, {**RESPONSES, "stream": True}), **_R),
    Surface("responses.parse", **_plain(lambda c: c.responses.parse, _STRUCTURED_RESPONSES), **_R),
    Surface("responses.stream", **_helper(lambda c: c.responses.stream, "get_final_response", RESPONSES), **_R),
    Surface("responses.raw", **_raw(lambda c: c.responses.with_raw_response.create, RESPONSES), **_R),
    Surface("responses.raw stream", **_raw_stream(lambda c: c.responses.with_raw_response.create, {**RESPONSES, "stream": True}), **_R),
    Surface("responses.streaming_response", **_streaming_response(lambda c: c.responses.with_streaming_response.create, RESPONSES), **_R),
    Surface("responses.streaming_response lines", **_streaming_response_lines(lambda c: c.responses.with_streaming_response.create, {**RESPONSES, "stream": True}), **_R),
    Surface("responses.compact", **_plain(lambda c: c.responses.compact, RESPONSES), **_R, since=(2, 11)),
    Surface("beta.responses.create", **_plain(lambda c: c.beta.responses.create, RESPONSES), **_R, since=(3, 0)),
    Surface("beta.responses.create stream", **_stream(lambda c: c.beta.responses.create, {**RESPONSES, "stream": True}), **_R, since=(3, 0)),
    Surface("completions.create", **_plain(lambda c: c.completions.create, COMPLETION), api_type=None),
    Surface("completions.create stream", **_stream(lambda c: c.completions.create, {**COMPLETION, **WITH_USAGE}), api_type=None),
    Surface("client.post chat", **_post("/chat/completions", CHAT)),
    Surface("client.post responses", **_post("/responses", RESPONSES), **_R),
)  # fmt: skip

AVAILABLE = tuple(surface for surface in SURFACES if surface.is_available)
