"""OpenAI's responses on the wire, in full, so that reading them costs what it costs in production."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.transport import UNIQUE, Answer

MODEL = "gpt-5"
INPUT_TOKENS = 5_000
CACHED_TOKENS = 4_992
_OUTPUT_TOKENS = 80
_OUTPUT_TEXT = "The shipment left the warehouse on time and should reach the customer within two days. " * 5


def chat_answer() -> Answer:
    """A chat completion."""
    message = {"role": "assistant", "content": _OUTPUT_TEXT, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _document({**_chat_head("chat.completion"), "choices": [choice], "usage": _chat_usage()})


def chat_stream_answer(events: int) -> Answer:
    """A chat completion in that many events, the last of them with usage, followed by the `[DONE]` marker."""
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": "", "refusal": None}, None),
        *(({"content": " word"}, None) for _ in range(events - 3)),
        ({}, "stop"),
    ]
    head = {**_chat_head("chat.completion.chunk"), "obfuscation": "kQ3vT8"}
    documents: list[dict[str, Any]] = [
        {
            **head,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
            "usage": None,
        }
        for delta, reason in deltas
    ]
    documents.append({**head, "choices": [], "usage": _chat_usage()})
    chunks = [f"data: {_compact(document)}\n\n".encode() for document in documents]
    return Answer("text/event-stream; charset=utf-8", (*chunks, b"data: [DONE]\n\n"))


def responses_answer() -> Answer:
    """A response of the Responses API."""
    return _document(_response("completed"))


def responses_stream_answer(events: int) -> Answer:
    """The same response as a stream of that many events."""
    place = {"item_id": "msg_0a1b", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"id": "msg_0a1b", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    opening: list[dict[str, Any]] = [
        {"type": "response.created", "response": _response("in_progress")},
        {"type": "response.in_progress", "response": _response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
    ]
    closing: list[dict[str, Any]] = [
        {"type": "response.output_text.done", **place, "text": _OUTPUT_TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": {**part, "text": _OUTPUT_TEXT}},
        {"type": "response.output_item.done", "output_index": 0, "item": _message()},
        {"type": "response.completed", "response": _response("completed")},
    ]
    delta = {"type": "response.output_text.delta", **place, "delta": " word", "logprobs": []}
    deltas = [{**delta, "obfuscation": "kQ3vT8"}] * (events - len(opening) - len(closing))
    return Answer(
        "text/event-stream; charset=utf-8",
        tuple(
            f"event: {event['type']}\ndata: {_compact({**event, 'sequence_number': number})}\n\n".encode()
            for number, event in enumerate([*opening, *deltas, *closing])
        ),
    )


def _chat_head(kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-CbQ2mPzYw8nJ4tLk{UNIQUE}",
        "object": kind,
        "created": 1_763_600_000,
        "model": f"{MODEL}-2025-08-07",
        "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4",
    }


def _chat_usage() -> dict[str, Any]:
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": _OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + _OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _message() -> dict[str, Any]:
    content = {"type": "output_text", "text": _OUTPUT_TEXT, "annotations": [], "logprobs": []}
    return {
        "id": "msg_0a1b",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [content],
    }


def _response(status: str) -> dict[str, Any]:
    is_complete = status == "completed"
    usage = {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": _OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + _OUTPUT_TOKENS,
    }
    return {
        "id": f"resp_68af4030baa48193b0b43b4c2a176a1a0e69{UNIQUE}",
        "object": "response",
        "created_at": 1_763_600_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": f"{MODEL}-2025-08-07",
        "output": [_message()] if is_complete else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if is_complete else None,
        "metadata": {},
    }


def _document(body: dict[str, Any]) -> Answer:
    return Answer("application/json", (_compact(body).encode(),))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
