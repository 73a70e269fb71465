"""POST /v1/chat/completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from otel_promptcache.sim.cache.caching_fields import read_caching_fields
from otel_promptcache.sim.engine import Admission, Engine
from otel_promptcache.sim.http.answers import Answer, choose_answer
from otel_promptcache.sim.http.chat_api.chat_prompt import chat_prompt
from otel_promptcache.sim.http.errors import ApiError, invalid_type, server_error
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.usage import chat_usage
from otel_promptcache.sim.http.wire import JsonObject, as_int, as_object

_MAX_CHOICES = 128


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion that is decided but not yet sent.

    Attributes:
        id: Its id.
        admission: The request's prompt and its cache read.
        answers: One for each choice.
        call_ids: Ids of their tool calls.
        usage: The true usage.
    """

    id: str
    admission: Admission
    answers: tuple[Answer, ...]
    call_ids: tuple[str, ...]
    usage: JsonObject

    @property
    def longest_answer_tokens(self) -> int:
        """Output tokens of the choice that finishes last."""
        return max(len(answer.pieces) for answer in self.answers)

    def keep(self, engine: Engine) -> None:
        """Cache the text answers, if the server caches what it generates."""
        for answer in self.answers:
            if answer.tool_name is None:
                engine.keep_answer(self.admission, answer.text)

    def envelope(self, kind: str) -> JsonObject:
        """Return the fields that the completion and each of its chunks share."""
        return {
            "id": self.id,
            "object": kind,
            "created": int(self.admission.created_seconds),
            "model": self.admission.model.resolved,
            "service_tier": self.admission.scope.service_tier,
            "system_fingerprint": "fp_simulated",
        }


def decide_completion(exchange: Exchange) -> Completion:
    """Accept a request and decide its answer.

    Raises:
        ApiError: 400 for a malformed request.
    """
    body, engine = exchange.body, exchange.engine
    config = engine.config
    model = exchange.model()
    caching = read_caching_fields(
        body,
        "chat",
        model.resolved,
        model.policy,
        reject_ttl_with_retention=config.reject_ttl_with_retention,
    )
    choices = 1 if body.get("n") is None else as_int(body["n"])
    if choices is None or not 1 <= choices <= _MAX_CHOICES:
        raise invalid_type("n", f"an integer from 1 to {_MAX_CHOICES}")
    if body.get("stream_options") is not None and body.get("stream") is not True:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise ApiError(400, message, param="stream_options")
    admission = exchange.admit(model, chat_prompt(body, model.resolved, model.policy), caching)
    text_format = body.get("response_format")
    seeds = (f"{admission.seed}:{index}" for index in range(choices))
    chosen = (choose_answer(body, text_format, seed=one, text_tokens=config.output_tokens) for one in seeds)
    answers = tuple(exchange.limited(one, "max_completion_tokens", "max_tokens") for one in chosen)
    reasoning_tokens = config.reasoning_tokens * choices
    output_tokens = sum(len(answer.pieces) for answer in answers) + reasoning_tokens
    return Completion(
        id=engine.new_id("chatcmpl-"),
        admission=admission,
        answers=answers,
        call_ids=tuple(engine.new_id("call_") for _ in answers),
        usage=chat_usage(admission.read, output_tokens, reasoning_tokens, config.usage_shape),
    )


async def send_completion(exchange: Exchange, completion: Completion) -> Response:
    """Answer a completion in one piece, after the time its tokens take.

    Raises:
        ApiError: 500 if a fault says so.
    """
    if exchange.faults & {"failed", "error_event"}:
        raise server_error()
    engine = exchange.engine
    await engine.prefill(completion.admission, exchange.faults)
    await engine.decode(completion.longest_answer_tokens + engine.config.reasoning_tokens)
    completion.keep(engine)
    choices: Any = [_choice(index, completion) for index in range(len(completion.answers))]
    return exchange.json(
        {
            **completion.envelope("chat.completion"),
            "choices": None if "choices_null" in exchange.faults else choices,
            "usage": exchange.report(completion.usage),
        }
    )


def finish_reason(answer: Answer) -> str:
    """Return why the model stopped."""
    if answer.truncated:
        return "length"
    return "stop" if answer.tool_name is None else "tool_calls"


def includes_usage(body: JsonObject) -> bool:
    """Tell whether a request wants usage at the end of its stream."""
    return (as_object(body.get("stream_options")) or {}).get("include_usage") is True


def _choice(index: int, completion: Completion) -> JsonObject:
    answer = completion.answers[index]
    message: JsonObject = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.tool_name is not None:
        function = {"name": answer.tool_name, "arguments": answer.text}
        message["content"] = None
        message["tool_calls"] = [{"id": completion.call_ids[index], "type": "function", "function": function}]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": finish_reason(answer)}
