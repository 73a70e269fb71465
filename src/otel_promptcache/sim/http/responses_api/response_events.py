"""The event stream of the Responses API."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from otel_promptcache.sim.http.answers import Answer
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.responses_api.response_body import Draft, text_part
from otel_promptcache.sim.http.sse import Phase, ServerEvent
from otel_promptcache.sim.http.wire import JsonObject


def response_error_event(sequence_number: int) -> ServerEvent:
    """Return the event that reports a failure of the stream itself."""
    data: JsonObject = {
        "type": "error",
        "code": "server_error",
        "message": "The server had an error while processing your request.",
        "param": None,
        "sequence_number": sequence_number,
    }
    return ServerEvent(data, "error", "end")


async def response_events(exchange: Exchange, draft: Draft) -> AsyncGenerator[ServerEvent, None]:
    """Send a response event by event, taking the time its tokens take.

    `response.created` comes immediately, the first delta after the prefill.
    """
    engine = exchange.engine
    sequence = _Sequence()
    yield sequence.event("response.created", {"response": draft.in_progress()})
    yield sequence.event("response.in_progress", {"response": draft.in_progress()})
    await engine.prefill(draft.admission, exchange.faults)

    for output_index, item in enumerate(draft.output):
        where: JsonObject = {"output_index": output_index}
        if item["type"] not in _DELTA or draft.answer is None:
            yield sequence.event("response.output_item.added", {**where, "item": item})
            if item["type"] == "reasoning":
                await engine.decode(engine.config.reasoning_tokens)
            yield sequence.event("response.output_item.done", {**where, "item": item})
            continue
        for event in _opening(sequence, output_index, item):
            yield event
        where["item_id"] = item["id"]
        for piece in _sent_pieces(exchange, draft.answer):
            await engine.decode(1)
            yield sequence.event(_DELTA[item["type"]], {**_content(where, item), "delta": piece}, "delta")
        if "failed" not in exchange.faults:
            for event in _closing(sequence, where, item, draft.answer.text):
                yield event
    ending = f"response.{draft.outcome(exchange)}"
    yield sequence.event(ending, {"response": draft.finish(exchange)}, "last")


class _Sequence:
    """Numbers the events of one stream."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def event(self, name: str, fields: JsonObject, phase: Phase = "start") -> ServerEvent:
        data = {"type": name, "sequence_number": self._next, **fields}
        self._next += 1
        return ServerEvent(data, name, phase)


_DELTA = {"message": "response.output_text.delta", "function_call": "response.function_call_arguments.delta"}


def _sent_pieces(exchange: Exchange, answer: Answer) -> tuple[str, ...]:
    return answer.pieces[: len(answer.pieces) // 2] if "failed" in exchange.faults else answer.pieces


def _content(where: JsonObject, item: JsonObject) -> JsonObject:
    return {**where, "content_index": 0, "logprobs": []} if item["type"] == "message" else where


def _opening(sequence: _Sequence, output_index: int, item: JsonObject) -> list[ServerEvent]:
    where: JsonObject = {"output_index": output_index}
    empty: JsonObject = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
    started = {**item, **empty, "status": "in_progress"}
    events = [sequence.event("response.output_item.added", {**where, "item": started})]
    if item["type"] == "message":
        part = {**where, "item_id": item["id"], "content_index": 0, "part": text_part("")}
        events.append(sequence.event("response.content_part.added", part))
    return events


def _closing(sequence: _Sequence, where: JsonObject, item: JsonObject, text: str) -> list[ServerEvent]:
    done = {"output_index": where["output_index"], "item": item}
    if item["type"] == "function_call":
        return [
            sequence.event("response.function_call_arguments.done", {**where, "arguments": text}, "end"),
            sequence.event("response.output_item.done", done, "end"),
        ]
    part: JsonObject = {**where, "content_index": 0, "part": text_part(text)}
    return [
        sequence.event("response.output_text.done", {**_content(where, item), "text": text}, "end"),
        sequence.event("response.content_part.done", part, "end"),
        sequence.event("response.output_item.done", done, "end"),
    ]
