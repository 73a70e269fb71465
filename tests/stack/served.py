"""Applications that answer each request with a call of the OpenAI SDK: one for gunicorn, one for uvicorn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from otel_promptcache import prefix
from otel_promptcache.sim import filler_text

MESSAGES: Any = [
    {"role": "system", "content": filler_text(1_500, "worker")},
    {"role": "user", "content": "Where is my order?"},
]
PROVIDER = "TEST_PROVIDER"
TEMPLATE = "worker"
READY = "/ready"
"""The path that is answered without a call."""


@cache
def _client() -> OpenAI:
    """Return a client that is made in the worker, not in the process it was forked from."""
    return OpenAI(
        base_url=os.environ[PROVIDER], api_key="any", http_client=DefaultHttpxClient(trust_env=False)
    )


@cache
def _async_client() -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=os.environ[PROVIDER], api_key="any", http_client=DefaultAsyncHttpxClient(trust_env=False)
    )


def wsgi(environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    """For gunicorn, whose configuration starts the telemetry."""
    if environ["PATH_INFO"] != READY:
        with prefix(TEMPLATE):
            _client().chat.completions.create(model="gpt-4.1", messages=MESSAGES)
    respond("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]


def asgi() -> Starlette:
    """For uvicorn, which makes it in each worker."""
    from uvicorn_lifespan import lifespan  # noqa: PLC0415  # of examples/workers, on the path of the server only

    return Starlette(routes=[Route("/{path:path}", _answer)], lifespan=lifespan)


async def _answer(request: Request) -> PlainTextResponse:
    if request.url.path != READY:
        with prefix(TEMPLATE):
            await _async_client().chat.completions.create(model="gpt-4.1", messages=MESSAGES)
    return PlainTextResponse(str(os.getpid()))
