"""Every way to run an inference with Anthropic's SDK, as a function from a client to what the caller sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anthropic
from pydantic import BaseModel

from tests.claude.wire import MODEL, REQUEST, VERSION, http, plain, transport

View = list[Any]
Make = Callable[[], Any]


@dataclass(frozen=True)
class Surface:
    """One way to call, synchronously and asynchronously, and what should be observed of it."""

    name: str
    call: Callable[[Any], View]
    acall: Callable[[Any], Awaitable[View]]
    platform: str = "anthropic"
    is_stream: bool = False
    is_inference: bool = True
    since: tuple[int, int] = (0, 49)


def seen(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return type(value).__qualname__, value.model_dump(warnings=False)
    return type(value).__qualname__, value


def _plain(create: Callable[[Any], Any], body: dict[str, Any] = REQUEST) -> dict[str, Any]:
    def call(client: Any) -> View:
        return [seen(create(client)(**body))]

    async def acall(client: Any) -> View:
        return [seen(await create(client)(**body))]

    return {"call": call, "acall": acall}


def _stream(create: Callable[[Any], Any]) -> dict[str, Any]:
    def call(client: Any) -> View:
        return [seen(event) for event in create(client)(**REQUEST, stream=True)]

    async def acall(client: Any) -> View:
        return [seen(event) async for event in await create(client)(**REQUEST, stream=True)]

    return {"call": call, "acall": acall, "is_stream": True}


def _manager(manager: Callable[[Any], Any]) -> dict[str, Any]:
    def call(client: Any) -> View:
        with manager(client)(**REQUEST) as stream:
            return [*(seen(event) for event in stream), seen(stream.get_final_message())]

    async def acall(client: Any) -> View:
        async with manager(client)(**REQUEST) as stream:
            return [*[seen(event) async for event in stream], seen(await stream.get_final_message())]

    return {"call": call, "acall": acall, "is_stream": True}


def _raw() -> dict[str, Any]:
    def call(client: Any) -> View:
        raw = client.messages.with_raw_response.create(**REQUEST)
        return [type(raw).__qualname__, raw.status_code, seen(raw.parse())]

    async def acall(client: Any) -> View:
        raw = await client.messages.with_raw_response.create(**REQUEST)
        parsed = raw.parse()
        return [
            type(raw).__qualname__,
            raw.status_code,
            seen(await parsed if hasattr(parsed, "__await__") else parsed),
        ]

    return {"call": call, "acall": acall}


def _raw_stream() -> dict[str, Any]:
    def call(client: Any) -> View:
        with client.messages.with_streaming_response.create(**REQUEST, stream=True) as raw:
            return [raw.status_code, *raw.iter_bytes()]

    async def acall(client: Any) -> View:
        async with client.messages.with_streaming_response.create(**REQUEST, stream=True) as raw:
            return [raw.status_code, *[chunk async for chunk in raw.iter_bytes()]]

    return {"call": call, "acall": acall, "is_stream": True}


def _post() -> dict[str, Any]:
    def call(client: Any) -> View:
        return [seen(client.post("/v1/messages", cast_to=http.Response, body=REQUEST).json())]

    async def acall(client: Any) -> View:
        return [seen((await client.post("/v1/messages", cast_to=http.Response, body=REQUEST)).json())]

    return {"call": call, "acall": acall}


COUNT = {"model": MODEL, "messages": REQUEST["messages"]}

_ALL = [
    Surface("messages", **_plain(lambda client: client.messages.create)),
    Surface("messages stream", **_stream(lambda client: client.messages.create)),
    Surface("messages stream manager", **_manager(lambda client: client.messages.stream)),
    Surface("messages parse", **_plain(lambda client: client.messages.parse), since=(0, 84)),
    Surface("messages raw", **_raw()),
    Surface("messages raw stream", **_raw_stream()),
    Surface("beta messages", **_plain(lambda client: client.beta.messages.create)),
    Surface("beta messages stream", **_stream(lambda client: client.beta.messages.create)),
    Surface("beta messages stream manager", **_manager(lambda client: client.beta.messages.stream), since=(0, 84)),
    Surface("post", **_post()),
    Surface("count tokens", **_plain(lambda client: client.messages.count_tokens, COUNT), is_inference=False),
    Surface("beta count tokens", **_plain(lambda client: client.beta.messages.count_tokens, COUNT), is_inference=False),
    Surface("bedrock", **_plain(lambda client: client.messages.create), platform="bedrock"),
    Surface("bedrock raw stream", **_raw_stream(), platform="bedrock"),
    Surface("vertex", **_plain(lambda client: client.messages.create), platform="vertex"),
    Surface("vertex stream", **_stream(lambda client: client.messages.create), platform="vertex"),
    Surface("vertex count tokens", **_plain(lambda client: client.messages.count_tokens, COUNT), platform="vertex", is_inference=False),
]  # fmt: skip
SURFACES = [surface for surface in _ALL if surface.since <= VERSION]

PROVIDERS = {"anthropic": "anthropic", "bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}


def _unsigned(request: Any) -> None:
    """Takes the place of signing, which needs boto3."""


async def _unsigned_async(request: Any) -> None:
    """Likewise."""


def client_of(platform: str, *, is_async: bool, reply: Callable[[Any, dict[str, Any]], Any] = plain) -> Any:
    """A client of the SDK for a platform, with a transport that answers."""
    http_client = (http.AsyncClient if is_async else http.Client)(transport=transport(reply))
    common: dict[str, Any] = {"http_client": http_client, "max_retries": 0}
    if platform == "bedrock":
        kind = anthropic.AsyncAnthropicBedrock if is_async else anthropic.AnthropicBedrock
        client = kind(aws_region="us-east-1", **common)
        client._prepare_request = _unsigned_async if is_async else _unsigned
        return client
    if platform == "vertex":
        kind = anthropic.AsyncAnthropicVertex if is_async else anthropic.AnthropicVertex
        return kind(region="global", project_id="project", access_token="token", **common)
    return (anthropic.AsyncAnthropic if is_async else anthropic.Anthropic)(api_key="key", **common)
