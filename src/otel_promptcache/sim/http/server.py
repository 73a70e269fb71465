"""The HTTP layer: paths, authentication, recording, and errors in the API's envelope."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_promptcache.sim.cache.clock import Clock, SystemClock
from otel_promptcache.sim.cache.compaction import compact_response
from otel_promptcache.sim.catalog import list_models, retrieve_model
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.engine import Engine
from otel_promptcache.sim.faults import FAULT_HEADER, Fault
from otel_promptcache.sim.http.chat_api.chat import decide_completion, send_completion
from otel_promptcache.sim.http.chat_api.chat_events import chat_error_event, chat_events
from otel_promptcache.sim.http.chat_api.completions import completions
from otel_promptcache.sim.http.delivery import JsonAnswer
from otel_promptcache.sim.http.embeddings import create_embeddings
from otel_promptcache.sim.http.errors import ApiError, server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.messages_api.message_events import message_error_event, message_events
from otel_promptcache.sim.http.messages_api.messages import (
    count_message_tokens,
    decide_message,
    error_body,
    send_message,
)
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.responses_api.decisions import decide
from otel_promptcache.sim.http.responses_api.responses import (
    count_input_tokens,
    create_response,
    delete_response,
    retrieve_response,
)
from otel_promptcache.sim.http.wire import JsonObject, as_object

_RETRY_AFTER_MILLISECONDS = "5"
MESSAGES_PATH = "/messages"

_PREFIXES = ("/v1", "/openai/v1", "/openai", "/openai/deployments/{deployment}")
"""OpenAI's paths; Azure's with and without a version in the path, and by deployment."""

Handler = Callable[..., Awaitable[Response]]
"""Takes the `Exchange`, and the parameters in the path by their names."""


def create_app(config: SimConfig | None = None, clock: Clock | None = None) -> Starlette:
    """Return the simulated provider as an ASGI application, with its own cache.

    Args:
        config: Its settings; None for the defaults.
        clock: Its clock; None for real time.
    """
    return build_app(Engine(config or SimConfig(), clock or SystemClock()))


def build_app(engine: Engine) -> Starlette:
    """Return the ASGI application for a simulated provider."""
    endpoints: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/chat/completions", _chat_completions),
        ("POST", "/completions", completions),
        ("POST", "/decisions", decide),
        ("POST", "/embeddings", create_embeddings),
        ("POST", "/responses", create_response),
        ("POST", "/responses/compact", compact_response),
        ("POST", "/responses/input_tokens", count_input_tokens),
        ("GET", "/responses/{response_id}", retrieve_response),
        ("DELETE", "/responses/{response_id}", delete_response),
        ("POST", MESSAGES_PATH, _messages),
        ("POST", f"{MESSAGES_PATH}/count_tokens", count_message_tokens),
        ("GET", "/models", list_models),
        ("GET", "/models/{model:path}", retrieve_model),
    )
    routes = [
        Route(prefix + path, _endpoint(engine, handler), methods=[method])
        for method, path, handler in endpoints
        for prefix in _PREFIXES
    ]
    every_method = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    routes.append(Route("/{path:path}", _endpoint(engine, _unknown_url), methods=every_method))
    return Starlette(routes=routes)


async def _chat_completions(exchange: Exchange) -> Response:
    completion = decide_completion(exchange)
    if exchange.body.get("stream") is True:
        return exchange.stream(chat_events(exchange, completion), chat_error_event)
    return await send_completion(exchange, completion)


async def _messages(exchange: Exchange) -> Response:
    message = decide_message(exchange)
    if exchange.body.get("stream") is True:
        return exchange.stream(message_events(exchange, message), message_error_event)
    return await send_message(exchange, message)


async def _unknown_url(exchange: Exchange, path: str) -> Response:
    raise ApiError(404, f"Invalid URL ({exchange.record.method} /{path})", code="unknown_url")


def _endpoint(engine: Engine, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        record = RecordedRequest(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            received_seconds=engine.clock.now_seconds(),
        )
        engine.record(record)
        try:
            response = await _serve(engine, handler, request, record)
        except ApiError as error:
            response = _refusal(error, record, request_id := engine.new_id("req_"))
        else:
            request_id = engine.new_id("req_")
        response.headers["x-request-id"] = response.headers["request-id"] = request_id
        response.headers["openai-version"] = "2020-10-01"
        return response

    return endpoint


def _refusal(error: ApiError, record: RecordedRequest, request_id: str) -> Response:
    """Return an error in the envelope of the API that was called."""
    body = error_body(error, request_id) if MESSAGES_PATH in record.path else error.body()
    return JsonAnswer(body, record, error.status_code, error.headers)


async def _serve(engine: Engine, handler: Handler, request: Request, record: RecordedRequest) -> Response:
    content = await request.body()
    record.faults = _draw_faults(engine, request)
    organization = _authenticate(engine, request)
    if request.method == "POST":
        record.body = _parse(content)
    _refuse(engine, record, content)
    parameters = dict(request.path_params)
    exchange = Exchange(
        engine=engine,
        record=record,
        body=record.body or {},
        organization=organization,
        deployment=parameters.pop("deployment", None),
        is_azure=record.path.startswith("/openai/"),
    )
    if exchange.is_azure and not record.path.startswith("/openai/v1/") and "api-version" not in record.query:
        raise ApiError(404, "Resource not found", code="404")
    return await handler(exchange, **parameters)


def _draw_faults(engine: Engine, request: Request) -> frozenset[Fault]:
    try:
        return engine.draw_faults(request.headers.get(FAULT_HEADER, ""))
    except ValueError as error:
        raise ApiError(400, str(error), param=FAULT_HEADER) from None


def _authenticate(engine: Engine, request: Request) -> str:
    """Return the organization a request belongs to: its header, or else its key."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = (
        request.headers.get("api-key")
        or request.headers.get("x-api-key")
        or (token.strip() if scheme.lower() == "bearer" else "")
    )
    if not key and engine.config.require_api_key:
        message = "You didn't provide an API key. You need to provide it in an Authorization header."
        raise ApiError(401, message, code="invalid_api_key")
    return request.headers.get("openai-organization") or f"key:{key}"


def _parse(content: bytes) -> JsonObject:
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    body = as_object(value)
    if body is None:
        message = "We could not parse the JSON body of your request. The API expects a JSON object."
        raise ApiError(400, message)
    return body


def _refuse(engine: Engine, record: RecordedRequest, content: bytes) -> None:
    """Raise the error if a fault keeps the request from being served."""
    digest = hashlib.blake2b(record.path.encode() + b"\0" + content, digest_size=16).digest()
    headers = {"retry-after-ms": _RETRY_AFTER_MILLISECONDS}

    def strikes(always: Fault, once: Fault) -> bool:
        return always in record.faults or (once in record.faults and engine.is_first_time(digest))

    if strikes("rate_limit", "rate_limit_once"):
        message = f"Rate limit reached for requests. Please try again in {_RETRY_AFTER_MILLISECONDS}ms."
        raise ApiError(429, message, type="requests", code="rate_limit_exceeded", headers=headers)
    if strikes("server_error", "server_error_once"):
        raise server_error(headers)
