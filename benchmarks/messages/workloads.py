"""Calls of Anthropic's SDK, each with a new question, and the answers to them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from anthropic import Anthropic

_USAGE = {
    "input_tokens": 20, "cache_read_input_tokens": 4_600, "cache_creation_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": 7,
    "service_tier": "standard",
}  # fmt: skip
_MARK = {"cache_control": {"type": "ephemeral"}}
_STREAM = "stream"
_TURNS = {"conversation of 5 turns": 5, "conversation of 20 turns": 20}
_RULES = "Answer in the style of the house, and never promise a date. " * 380
_TOOLS = [
    {"name": f"tool_{index}", "description": "Looks something up. " * 20, "input_schema": {"type": "object"}}
    for index in range(4)
]
_HISTORY: list[dict[str, Any]] = [
    {
        "role": role,
        "content": [{"type": "text", "text": f"{role} {turn}: " + "it is one thing or another. " * 15}],
    }
    for turn in range(max(_TURNS.values()))
    for role in ("user", "assistant")
]


def _message(**members: Any) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5",
        "content": [{"type": "text", "text": "On its way."}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": _USAGE, **members,
    }  # fmt: skip


def _events(words: int) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(content=[], stop_reason=None)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for _ in range(words):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


_NUMBERS = itertools.count()


@contextmanager
def calling(words: int = 10, **settings: Any) -> Iterator[Callable[[str, int], None]]:
    """Yield a function that makes calls of a workload with one client.

    Args:
        words: How many words a stream has.
        settings: Of the client.
    """
    body = json.dumps(_message()).encode()
    events = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in _events(words)]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if b'"stream":true' in request.content:
            return httpx2.Response(200, content=iter(events), headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, content=body, headers={"content-type": "application/json"})

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    with Anthropic(api_key="key", http_client=http_client, **settings) as client:

        def run(name: str, calls: int) -> None:
            for _ in range(calls):
                reply: Any = client.messages.create(**_request(name, next(_NUMBERS)))
                for _ in reply if name.endswith(_STREAM) else ():
                    pass

        yield run


def _request(name: str, number: int) -> dict[str, Any]:
    question = {"role": "user", "content": f"Where is order {number}?"}
    history = _HISTORY[: 2 * _TURNS.get(name, 0)]
    request: dict[str, Any] = {
        "model": "claude-opus-5",
        "max_tokens": 64,
        "messages": [*history, question],
    }
    if name != "60 tokens":
        request |= {"system": [{"type": "text", "text": _RULES, **_MARK}], "tools": _TOOLS}
    if history:  # the marker that applications set to have a conversation cached
        request["cache_control"] = _MARK["cache_control"]
    return {**request, "stream": True} if name.endswith(_STREAM) else request


WORKLOADS = (
    "60 tokens",
    "4,600 tokens marked + tools",
    "4,600 tokens marked + tools, stream",
    *_TURNS,
)
