"""POST /v1/responses, and operations on stored responses."""

from __future__ import annotations

from starlette.responses import Response

from otel_promptcache.sim.cache.conversation import (
    Conversation,
    admit_conversation,
    compaction_item,
    read_conversation,
    wants_compaction,
)
from otel_promptcache.sim.cache.policies import BreakpointPolicy
from otel_promptcache.sim.cache.prompt import render
from otel_promptcache.sim.engine import Admission
from otel_promptcache.sim.http.answers import choose_answer
from otel_promptcache.sim.http.errors import ApiError, server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.responses_api.diagnostics import diagnose, take_fingerprint
from otel_promptcache.sim.http.responses_api.response_body import Draft, output_items, response_body
from otel_promptcache.sim.http.responses_api.response_events import response_error_event, response_events
from otel_promptcache.sim.http.responses_api.responses_prompt import responses_prompt
from otel_promptcache.sim.http.usage import responses_usage
from otel_promptcache.sim.http.wire import JsonObject, as_object


async def create_response(exchange: Exchange) -> Response:
    """Answer a Responses request, whole or as a stream.

    Raises:
        ApiError: 400 for a malformed request, 500 if a fault says so.
    """
    if exchange.body.get("background") is True:
        raise ApiError(400, "The simulator runs no background responses.", param="background")
    engine = exchange.engine
    conversation = read_conversation(exchange)
    draft = _draft(exchange, conversation, admit_conversation(exchange, conversation, "responses"))
    if exchange.body.get("stream") is True:
        return exchange.stream(response_events(exchange, draft), response_error_event)

    if "error_event" in exchange.faults:
        raise server_error()
    await engine.prefill(draft.admission, exchange.faults)
    await engine.decode(draft.output_tokens)
    return exchange.json(draft.finish(exchange))


async def retrieve_response(exchange: Exchange, response_id: str) -> Response:
    """Answer with a stored response; ApiError 404 if there is none."""
    stored = exchange.engine.store.get(response_id, exchange.organization)
    if stored is None:
        raise _not_found(response_id)
    return exchange.json(stored.body)


async def delete_response(exchange: Exchange, response_id: str) -> Response:
    """Forget a stored response; ApiError 404 if there is none."""
    if not exchange.engine.store.delete(response_id, exchange.organization):
        raise _not_found(response_id)
    return exchange.json({"id": response_id, "object": "response", "deleted": True})


async def count_input_tokens(exchange: Exchange) -> Response:
    """Answer with a request's input tokens, without reading the cache.

    Raises:
        ApiError: 400 for a malformed request.
    """
    conversation = read_conversation(exchange)
    model = exchange.model()
    items, first_own = conversation.items, conversation.first_own
    prompt = responses_prompt(exchange.body, items, first_own, model.resolved, model.policy)
    return exchange.json({"object": "response.input_tokens", "input_tokens": render(prompt).input_tokens})


def _not_found(response_id: str) -> ApiError:
    return ApiError(404, f"Response with id '{response_id}' not found.", param="response_id")


def _draft(exchange: Exchange, conversation: Conversation, admission: Admission) -> Draft:
    body, engine = exchange.body, exchange.engine
    answer, reasoning_tokens = None, 0
    if not admission.caching.prewarm:
        text_format = (as_object(body.get("text")) or {}).get("format")
        text_tokens = engine.config.output_tokens
        chosen = choose_answer(body, text_format, seed=admission.seed, text_tokens=text_tokens)
        answer = exchange.limited(chosen, "max_output_tokens")
        reasoning_tokens = engine.config.reasoning_tokens
    output_tokens = reasoning_tokens + (0 if answer is None else len(answer.pieces))
    response_id = engine.new_id("resp_")
    diagnostics = _diagnostics(exchange, conversation, admission, response_id)
    compacts = answer is not None and wants_compaction(body, admission.read.input_tokens)
    compaction = (compaction_item(engine, admission.seed),) if compacts else ()
    return Draft(
        id=response_id,
        admission=admission,
        answer=answer,
        output=(*compaction, *output_items(engine, answer, reasoning_tokens)),
        output_tokens=output_tokens,
        usage=responses_usage(admission.read, output_tokens, reasoning_tokens, engine.config.usage_shape),
        body=response_body(
            response_id,
            body,
            admission,
            diagnostics,
            zero_data_retention=engine.config.zero_data_retention,
        ),
        items=conversation.items,
    )


def _diagnostics(
    exchange: Exchange, conversation: Conversation, admission: Admission, response_id: str
) -> JsonObject | None:
    """Keep the response's fingerprint, and compare it with the one the request names."""
    engine = exchange.engine
    now_seconds = admission.created_seconds
    current = take_fingerprint(
        admission.scope,
        admission.prompt,
        admission.stream,
        admission.read,
        conversation.compactions,
        now_seconds,
    )
    engine.store.put_fingerprint(response_id, current)
    comparison_id = admission.caching.comparison_response_id
    supported = isinstance(admission.model.policy, BreakpointPolicy) and engine.config.diagnostics_enabled
    if comparison_id is None or not supported:
        return None
    earlier = engine.store.get_fingerprint(comparison_id, exchange.organization, now_seconds)
    return diagnose(earlier, current, admission.stream, admission.read.cached_tokens)
