"""The event stream of Chat Completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from otel_promptcache.sim.http.answers import Answer
from otel_promptcache.sim.http.chat_api.chat import Completion, finish_reason, includes_usage
from otel_promptcache.sim.http.errors import server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.sse import DONE, Phase, ServerEvent
from otel_promptcache.sim.http.wire import JsonObject


def chat_error_event(_: int) -> ServerEvent:
    """Return the event that reports a failure mid-stream."""
    return ServerEvent(server_error().body(), phase="end")


async def chat_events(exchange: Exchange, completion: Completion) -> AsyncGenerator[ServerEvent, None]:
    """Send a completion chunk by chunk, taking the time its tokens take.

    The role comes immediately, the first piece of content after the prefill. Usage comes last, and only if it
    was requested.
    """
    engine = exchange.engine
    envelope = completion.envelope("chat.completion.chunk")
    if includes_usage(exchange.body):
        envelope["usage"] = None

    for event in _opening(exchange, envelope, completion):
        yield event
    await engine.prefill(completion.admission, exchange.faults)
    await engine.decode(engine.config.reasoning_tokens)
    for step in range(completion.longest_answer_tokens):
        await engine.decode(1)
        for index, answer in enumerate(completion.answers):
            for piece in answer.pieces[step : step + 1]:
                yield _chunk(envelope, index, _delta(answer, piece), "delta")
    if "failed" in exchange.faults:
        yield chat_error_event(0)
        return
    completion.keep(engine)
    last = len(completion.answers) - 1
    for index, answer in enumerate(completion.answers):
        unasked = _unasked_usage(exchange, completion) if index == last else {}
        yield _chunk({**envelope, **unasked}, index, {}, "end", finish_reason(answer))
    if includes_usage(exchange.body):
        usage = exchange.report(completion.usage)
        yield ServerEvent({**envelope, "choices": [], "usage": usage}, phase="end")
    yield DONE


def _unasked_usage(exchange: Exchange, completion: Completion) -> JsonObject:
    """Return the usage that some servers send in the last chunk with a choice, requested or not."""
    path = exchange.engine.server.unasked_usage
    members: Any = exchange.report(completion.usage) if path else {}
    for name in reversed(path):
        members = {name: members}
    return members


def _opening(exchange: Exchange, envelope: JsonObject, completion: Completion) -> list[ServerEvent]:
    """Return the events that can be sent before the prompt has been processed."""
    events = [
        _chunk(envelope, index, _first_delta(answer, completion.call_ids[index]), "start")
        for index, answer in enumerate(completion.answers)
    ]
    if exchange.is_azure:
        # Azure opens a stream with its content filter's verdict on the prompt, and no choice.
        verdict: list[JsonObject] = [{"prompt_index": 0, "content_filter_results": {}}]
        filtered: JsonObject = {"id": "", "model": "", "choices": [], "prompt_filter_results": verdict}
        events.insert(0, ServerEvent({**envelope, **filtered}))
    if "choices_null" in exchange.faults:
        events.append(ServerEvent({**envelope, "choices": None}))
    return events


def _chunk(
    envelope: JsonObject, index: int, delta: JsonObject, phase: Phase, reason: str | None = None
) -> ServerEvent:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
    return ServerEvent({**envelope, "choices": [choice]}, phase=phase)


def _first_delta(answer: Answer, call_id: str) -> JsonObject:
    if answer.tool_name is None:
        return {"role": "assistant", "content": "", "refusal": None}
    function = {"name": answer.tool_name, "arguments": ""}
    call = {"index": 0, "id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}


def _delta(answer: Answer, piece: str) -> JsonObject:
    if answer.tool_name is None:
        return {"content": piece}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
