"""POST /v1/responses/compact: a conversation shortened to its user messages and one opaque item."""

from __future__ import annotations

from starlette.responses import Response

from otel_promptcache.sim.cache.conversation import (
    COMPACTION_TOKENS,
    admit_conversation,
    compaction_item,
    read_conversation,
)
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.usage import responses_usage
from otel_promptcache.sim.http.wire import JsonObject


async def compact_response(exchange: Exchange) -> Response:
    """Answer a compaction request: all user messages, followed by a compaction item.

    Raises:
        ApiError: 400 for a malformed request.
    """
    engine = exchange.engine
    conversation = read_conversation(exchange)
    admission = admit_conversation(exchange, conversation, "compact")
    await engine.prefill(admission, exchange.faults)
    await engine.decode(COMPACTION_TOKENS)
    kept = [
        _as_output(engine.new_id("msg_"), item) for item in conversation.items if item.get("role") == "user"
    ]
    usage = responses_usage(admission.read, COMPACTION_TOKENS, 0, engine.config.usage_shape)
    return exchange.json(
        {
            "id": engine.new_id("resp_"),
            "object": "response.compaction",
            "created_at": int(admission.created_seconds),
            "output": [*kept, compaction_item(engine, admission.seed)],
            "usage": exchange.report(usage),
        }
    )


def _as_output(item_id: str, item: JsonObject) -> JsonObject:
    content = item.get("content")
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": parts}
