"""POST /v1/completions, the legacy endpoint."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.responses import Response

from otel_promptcache.sim.cache.caching_fields import read_caching_fields
from otel_promptcache.sim.cache.content import text_block
from otel_promptcache.sim.cache.prompt import Message, Prompt, Settings
from otel_promptcache.sim.engine import Admission
from otel_promptcache.sim.http.answers import Answer, text_answer
from otel_promptcache.sim.http.chat_api.chat import finish_reason, includes_usage
from otel_promptcache.sim.http.chat_api.chat_events import chat_error_event
from otel_promptcache.sim.http.errors import server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.sse import DONE, ServerEvent
from otel_promptcache.sim.http.usage import chat_usage
from otel_promptcache.sim.http.wire import JsonObject


async def completions(exchange: Exchange) -> Response:
    """Answer a legacy completion, whole or as a stream.

    Raises:
        ApiError: 400 for a malformed request, 500 if a fault says so.
    """
    body, engine = exchange.body, exchange.engine
    model = exchange.model()
    caching = read_caching_fields(body, "completions", model.resolved, model.policy)
    message = Message("user", tuple(map(text_block, exchange.texts("prompt"))))
    admission = exchange.admit(model, Prompt(Settings(model.resolved), messages=(message,)), caching)
    answer = exchange.limited(text_answer(engine.config.output_tokens, admission.seed), "max_tokens")
    usage = chat_usage(admission.read, len(answer.pieces), 0, engine.config.usage_shape)
    envelope: JsonObject = {
        "id": engine.new_id("cmpl-"),
        "object": "text_completion",
        "created": int(admission.created_seconds),
        "model": admission.model.resolved,
    }
    if body.get("stream") is True:
        return exchange.stream(_events(exchange, envelope, admission, answer, usage), chat_error_event)
    if exchange.faults & {"failed", "error_event"}:
        raise server_error()
    await engine.prefill(admission, exchange.faults)
    await engine.decode(len(answer.pieces))
    choices = None if "choices_null" in exchange.faults else [_choice(answer.text, finish_reason(answer))]
    return exchange.json({**envelope, "choices": choices, "usage": exchange.report(usage)})


async def _events(
    exchange: Exchange, envelope: JsonObject, admission: Admission, answer: Answer, usage: JsonObject
) -> AsyncGenerator[ServerEvent, None]:
    if includes_usage(exchange.body):
        envelope["usage"] = None
    await exchange.engine.prefill(admission, exchange.faults)
    for piece in answer.pieces:
        await exchange.engine.decode(1)
        yield ServerEvent({**envelope, "choices": [_choice(piece, None)]}, phase="delta")
    if "failed" in exchange.faults:
        yield chat_error_event(0)
        return
    yield ServerEvent({**envelope, "choices": [_choice("", finish_reason(answer))]}, phase="end")
    if includes_usage(exchange.body):
        yield ServerEvent({**envelope, "choices": [], "usage": exchange.report(usage)}, phase="end")
    yield DONE


def _choice(text: str, reason: str | None) -> JsonObject:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
