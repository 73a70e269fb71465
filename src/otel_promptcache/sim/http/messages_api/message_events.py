"""The event stream of the Messages API."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from otel_promptcache.sim.http.errors import server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.messages_api.messages import Message, error_body
from otel_promptcache.sim.http.sse import Phase, ServerEvent
from otel_promptcache.sim.http.wire import JsonObject

_EARLY_OUTPUT_TOKENS = 1


def message_error_event(_: int) -> ServerEvent:
    """Return the event that reports a failure mid-stream."""
    return _event(error_body(server_error(), ""), "end")


async def message_events(exchange: Exchange, message: Message) -> AsyncGenerator[ServerEvent, None]:
    """Send a message event by event, taking the time its tokens take.

    The prompt's usage comes with the first event, once the prompt is processed. The output's usage comes with the last
    event but one.
    """
    engine = exchange.engine
    await engine.prefill_message(message.read, exchange.faults)
    usage = exchange.report(message.usage(_EARLY_OUTPUT_TOKENS))
    yield _event({"type": "message_start", "message": message.envelope([], usage, None)})
    answer = message.answer
    if answer is not None:
        tool: JsonObject = {"type": "tool_use", "id": message.call_id, "name": answer.tool_name, "input": {}}
        text: JsonObject = {"type": "text", "text": "", "citations": None}
        block = text if answer.tool_name is None else tool
        yield _event({"type": "content_block_start", "index": 0, "content_block": block})
        yield _event({"type": "ping"})
        kind, member = (
            ("text_delta", "text") if answer.tool_name is None else ("input_json_delta", "partial_json")
        )
        for piece in answer.pieces:
            await engine.decode(1)
            delta = {"type": kind, member: piece}
            yield _event({"type": "content_block_delta", "index": 0, "delta": delta}, "delta")
        if "failed" in exchange.faults:
            yield message_error_event(0)
            return
        yield _event({"type": "content_block_stop", "index": 0}, "end")
    final = message.usage(message.output_tokens)
    counts = {name: count for name, count in final.items() if name.endswith("_tokens")}
    delta = {"stop_reason": message.stop_reason, "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": delta, "usage": exchange.report(counts)}, "end")
    yield _event({"type": "message_stop"}, "last")


def _event(data: JsonObject, phase: Phase = "start") -> ServerEvent:
    return ServerEvent(data, name=str(data["type"]), phase=phase)
