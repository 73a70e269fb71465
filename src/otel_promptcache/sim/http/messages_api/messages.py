"""POST /v1/messages, and /v1/messages/count_tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from otel_promptcache.sim.cache.tokens import tokenize
from otel_promptcache.sim.http.answers import Answer, example, text_answer
from otel_promptcache.sim.http.errors import ApiError, server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.wire import JsonObject, as_int, as_object, as_text, compact_json, objects
from otel_promptcache.sim.messages.cache import MessagesRead
from otel_promptcache.sim.messages.prompt import read_prompt

ERROR_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip
"""Source: Anthropic, errors (checked 2026-11-26)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is decided but not yet sent.

    Attributes:
        id: Its id.
        call_id: Id of its tool call, if it is one.
        model: The model that answers.
        answer: The model's answer; None for a request that only warms the cache.
        read: The cache read.
        diagnostics: The `diagnostics` member of the answer; empty if it was not requested.
        speed: The requested speed.
    """

    id: str
    call_id: str
    model: str
    answer: Answer | None
    read: MessagesRead
    diagnostics: JsonObject
    speed: str | None

    @property
    def stop_reason(self) -> str:
        """Why the model stopped."""
        if self.answer is None or self.answer.truncated:
            return "max_tokens"
        return "end_turn" if self.answer.tool_name is None else "tool_use"

    @property
    def output_tokens(self) -> int:
        """Length of the answer."""
        return 0 if self.answer is None else len(self.answer.pieces)

    def envelope(self, content: list[JsonObject], usage: Any, stop_reason: str | None) -> JsonObject:
        """Return the message."""
        return {
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop_reason, "stop_sequence": None, "usage": usage, **self.diagnostics,
        }  # fmt: skip

    def usage(self, output_tokens: int) -> JsonObject:
        """Return the usage, whose `input_tokens` are those neither read nor written."""
        read = self.read
        speed = {} if self.speed is None else {"speed": self.speed}
        return {
            "input_tokens": read.input_tokens - read.cached_tokens - read.write_tokens,
            "cache_read_input_tokens": read.cached_tokens,
            "cache_creation_input_tokens": read.write_tokens,
            "cache_creation": {
                f"ephemeral_{ttl}_input_tokens": tokens for ttl, tokens in read.write_tokens_by_ttl.items()
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
            **speed,
        }


def decide_message(exchange: Exchange) -> Message:
    """Accept a request and decide its answer.

    Raises:
        ApiError: 400 for a malformed request.
    """
    body, engine = exchange.body, exchange.engine
    model, max_tokens = as_text(body.get("model")), as_int(body.get("max_tokens"))
    if not model:
        raise ApiError(400, "model: Field required")
    if max_tokens is None or max_tokens < 0:
        raise ApiError(400, "max_tokens: Field required")
    prompt, message_id = read_prompt(body), engine.new_id("msg_")
    read, diagnostics = engine.admit_message(
        exchange.organization, model, prompt, body, message_id, exchange.faults
    )
    exchange.record.cache = replace(read, writes=())
    answer = exchange.limited(_answer(body, message_id, engine.config.output_tokens), "max_tokens")
    return Message(
        id=message_id,
        call_id=engine.new_id("toolu_"),
        model=model,
        answer=answer if max_tokens else None,
        read=read,
        diagnostics=diagnostics,
        speed=as_text(body.get("speed")),
    )


async def send_message(exchange: Exchange, message: Message) -> Response:
    """Answer a message in one piece, after the time its tokens take.

    Raises:
        ApiError: 500 if a fault says so.
    """
    if exchange.faults & {"failed", "error_event"}:
        raise server_error()
    engine = exchange.engine
    await engine.prefill_message(message.read, exchange.faults)
    await engine.decode(message.output_tokens)
    usage = exchange.report(message.usage(message.output_tokens))
    return exchange.json(message.envelope(content_of(message), usage, message.stop_reason))


async def count_message_tokens(exchange: Exchange) -> Response:
    """Answer with the length of a prompt; ApiError 400 for a malformed request."""
    return exchange.json({"input_tokens": read_prompt(exchange.body).tokens})


def content_of(message: Message) -> list[JsonObject]:
    """Return the blocks of the answer."""
    answer = message.answer
    if answer is None:
        return []
    if answer.tool_name is None:
        return [{"type": "text", "text": answer.text, "citations": None}]
    arguments = _arguments(answer)
    return [{"type": "tool_use", "id": message.call_id, "name": answer.tool_name, "input": arguments}]


def error_body(error: ApiError, request_id: str) -> JsonObject:
    """Return an error in the API's envelope."""
    kind = ERROR_TYPES.get(error.status_code, "api_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": request_id}


def _arguments(answer: Answer) -> Any:
    return {} if answer.truncated else json.loads(answer.text)


def _answer(body: JsonObject, seed: str, text_tokens: int) -> Answer:
    choice, tools = as_object(body.get("tool_choice")) or {}, objects(body.get("tools"))
    wanted = {"any": None, "tool": as_text(choice.get("name"))}
    if choice.get("type") in wanted:
        name = wanted[choice["type"]]
        tool = next((one for one in tools if name is None or one.get("name") == name), None)
        if tool is not None:
            arguments = example(as_object(tool.get("input_schema")) or {})
            pieces = tuple(tokenize(compact_json(arguments or {})))
            return Answer(pieces, tool_name=as_text(tool.get("name")) or "")
    return text_answer(text_tokens, seed)
