"""What servers put on the wire: one document, or a stream with the usage in its place."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.shapes import PROMPT_TOKENS, Server, Usage

WORDS = ("Hello", " there", ".")


def document(server: Server, usage: Usage) -> list[bytes]:
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {**_envelope(server, "chat.completion"), "choices": [choice], "usage": usage}
    return [json.dumps(completion).encode()]


def stream(server: Server, usage: Usage, place: str) -> list[bytes]:
    """A stream of chat events with its usage in a place that `Server.places` names."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS)]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
    if place == "every":
        for number, event in enumerate(events):
            event["usage"] = {**usage, "completion_tokens": number}
    elif place == "last choice":
        events[-1]["usage"] = usage
    elif place == "choices[0]":
        choices[-1]["usage"] = usage
    elif place == "x_groq":
        events[0]["x_groq"] = {"id": "req_1"}
        events[-1]["x_groq"] = {"id": "req_1", "usage": usage}
    if place in ("every", "last"):
        events.append({"choices": [], "usage": usage})
    envelope = _envelope(server, "chat.completion.chunk")
    sent = [f"data: {json.dumps({**envelope, **event})}\n\n".encode() for event in events]
    return [*(server.comment + event for event in sent), b"data: [DONE]\n\n"]


def response(server: Server, cached_tokens: int, *, is_stream: bool) -> list[bytes]:
    """The same on the Responses API, where the input has a different name."""
    text = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    usage = {
        "input_tokens": PROMPT_TOKENS,
        "input_tokens_details": {"cached_tokens": cached_tokens},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": PROMPT_TOKENS + 5,
    }
    body = {
        **_envelope(server, "response"),
        "id": "resp_1",
        "status": "completed",
        "output": [message],
        "usage": usage,
    }
    if not is_stream:
        return [json.dumps(body).encode()]
    events = (
        {
            "type": "response.created",
            "response": {**body, "status": "in_progress", "output": [], "usage": None},
        },
        {
            "type": "response.output_text.delta",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": "Hello",
        },
        {"type": "response.completed", "response": body},
    )
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def _envelope(server: Server, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_780_000_000, "model": server.model}
