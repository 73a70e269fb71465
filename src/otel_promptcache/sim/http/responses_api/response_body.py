"""The response object of the Responses API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from otel_promptcache.sim.cache.conversation import since_compaction
from otel_promptcache.sim.cache.policies import BlockPolicy, BreakpointPolicy, Retention
from otel_promptcache.sim.cache.store import StoredResponse
from otel_promptcache.sim.engine import Admission, Engine
from otel_promptcache.sim.http.answers import Answer
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.wire import JsonObject, as_list, as_object

Status = Literal["in_progress", "completed", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A response that is decided but not yet sent.

    Attributes:
        id: Its id.
        admission: The request's prompt and its cache read.
        answer: The model's answer; None for a prewarm.
        output: The finished output items.
        output_tokens: Their length, reasoning included.
        usage: The true usage.
        body: The response object, without what depends on the outcome.
        items: The conversation so far.
    """

    id: str
    admission: Admission
    answer: Answer | None
    output: tuple[JsonObject, ...]
    output_tokens: int
    usage: JsonObject
    body: JsonObject
    items: tuple[JsonObject, ...]

    def outcome(self, exchange: Exchange) -> Status:
        """Return how the response ends."""
        if "failed" in exchange.faults:
            return "failed"
        return "incomplete" if self.answer is not None and self.answer.truncated else "completed"

    def in_progress(self) -> JsonObject:
        """Return the response object before the first token."""
        return {**self.body, "status": "in_progress", "output": [], "usage": None}

    def finish(self, exchange: Exchange) -> JsonObject:
        """Return the finished response object; records the usage and stores the response."""
        status = self.outcome(exchange)
        ending: JsonObject = {}
        if status == "completed":
            ending["completed_at"] = int(exchange.engine.clock.now_seconds())
        if status == "incomplete":
            ending["incomplete_details"] = {"reason": "max_output_tokens"}
        if status == "failed":
            ending["error"] = {"code": "server_error", "message": "The model failed to generate a response."}
        output = [] if status == "failed" else list(self.output)
        usage = exchange.report(self.usage)
        finished = {**self.body, **ending, "status": status, "output": output, "usage": usage}
        if exchange.body.get("store") is not False:
            conversation = since_compaction((*self.items, *output))
            exchange.engine.store.put(self.id, StoredResponse(exchange.organization, finished, conversation))
        return {**finished, "output": None} if "choices_null" in exchange.faults else finished


def output_items(engine: Engine, answer: Answer | None, reasoning_tokens: int) -> tuple[JsonObject, ...]:
    """Return the finished output items of an answer; None has none."""
    if answer is None:
        return ()
    status = "incomplete" if answer.truncated else "completed"
    items: list[JsonObject] = []
    if reasoning_tokens:
        items.append({"id": engine.new_id("rs_"), "type": "reasoning", "summary": []})
    if answer.tool_name is None:
        items.append(
            {
                "id": engine.new_id("msg_"),
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [text_part(answer.text)],
            }
        )
    else:
        items.append(
            {
                "id": engine.new_id("fc_"),
                "type": "function_call",
                "status": status,
                "arguments": answer.text,
                "call_id": engine.new_id("call_"),
                "name": answer.tool_name,
            }
        )
    return tuple(items)


def text_part(text: str) -> JsonObject:
    """Return the content part of a text answer."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def response_body(
    response_id: str,
    request: JsonObject,
    admission: Admission,
    diagnostics: JsonObject | None,
    *,
    zero_data_retention: bool,
) -> JsonObject:
    """Return the response object, without what depends on the outcome.

    Args:
        response_id: Its id.
        request: The request; its settings are echoed.
        admission: How it was admitted.
        diagnostics: `prompt_cache_diagnostics`; None if not requested.
        zero_data_retention: Changes the default retention of older models.
    """

    def echo(name: str, default: Any = None) -> Any:
        value = request.get(name)
        return default if value is None else value

    text = as_object(request.get("text")) or {}
    reasoning = as_object(request.get("reasoning")) or {}
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(admission.created_seconds),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": echo("instructions"),
        "max_output_tokens": echo("max_output_tokens"),
        "max_tool_calls": echo("max_tool_calls"),
        "metadata": echo("metadata", {}),
        "model": admission.model.resolved,
        "output": [],
        "parallel_tool_calls": echo("parallel_tool_calls", default=True),
        "previous_response_id": echo("previous_response_id"),
        "prompt_cache_diagnostics": diagnostics,
        "prompt_cache_key": admission.caching.cache_key,
        "prompt_cache_options": _applied_options(admission),
        "prompt_cache_retention": _applied_retention(admission, zero_data_retention=zero_data_retention),
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "safety_identifier": echo("safety_identifier"),
        "service_tier": admission.scope.service_tier,
        "store": echo("store", default=True),
        "temperature": echo("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "tool_choice": echo("tool_choice", "auto"),
        "tools": as_list(request.get("tools")) or [],
        "top_logprobs": echo("top_logprobs", 0),
        "top_p": echo("top_p", 1.0),
        "truncation": echo("truncation", "disabled"),
        "usage": None,
        "user": echo("user"),
    }


def _applied_options(admission: Admission) -> JsonObject | None:
    if not isinstance(admission.model.policy, BreakpointPolicy):
        return None
    options: JsonObject = {"mode": admission.caching.options.mode, "ttl": admission.caching.options.ttl}
    if admission.caching.comparison_response_id is not None:
        options["comparison_response_id"] = admission.caching.comparison_response_id
    return options


def _applied_retention(admission: Admission, *, zero_data_retention: bool) -> Retention | None:
    policy = admission.model.policy
    asked = admission.caching.options.retention
    if asked is None and isinstance(policy, BlockPolicy):
        return policy.retention(zero_data_retention=zero_data_retention)
    return asked
