"""POST /v1/decisions: answers to questions about an input."""

from __future__ import annotations

from starlette.responses import Response

from otel_promptcache.sim.cache.caching_fields import read_caching_fields
from otel_promptcache.sim.cache.content import text_block
from otel_promptcache.sim.cache.prompt import Message, Prompt
from otel_promptcache.sim.http.errors import invalid_type, invalid_value, missing_parameter
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.responses_api.responses_prompt import input_items, responses_prompt
from otel_promptcache.sim.http.usage import responses_usage
from otel_promptcache.sim.http.wire import JsonObject, as_list, compact_json, objects

_QUESTION_TYPES = ("predicate", "choice", "score")


async def decide(exchange: Exchange) -> Response:
    """Answer each question with its first choice, at even odds.

    The questions follow the input in the prompt, so other questions about the same input can reuse its cache.
    This order is an assumption.

    Raises:
        ApiError: 400 for a malformed request.
    """
    body, engine = exchange.body, exchange.engine
    for field in ("input", "questions"):
        if body.get(field) is None:
            raise missing_parameter(field)
    questions = objects(body["questions"])
    if not questions or len(questions) != len(as_list(body["questions"]) or ()):
        raise invalid_type("questions", "a non-empty array of objects")
    answers = [_answer(question, f"questions[{index}]") for index, question in enumerate(questions)]
    model = exchange.model()
    caching = read_caching_fields(body, "decisions", model.resolved, model.policy)
    prompt = responses_prompt(body, input_items(body["input"]), 0, model.resolved, model.policy)
    asked = Message("context", tuple(text_block(compact_json(question)) for question in questions))
    admission = exchange.admit(model, Prompt(prompt.settings, messages=(*prompt.messages, asked)), caching)
    await engine.prefill(admission, exchange.faults)
    usage = responses_usage(admission.read, len(answers), 0, engine.config.usage_shape)
    return exchange.json(
        {"answers": answers, "model": admission.model.resolved, "usage": exchange.report(usage)}
    )


def _answer(question: JsonObject, path: str) -> JsonObject:
    kind = question.get("type")
    named: JsonObject = {"type": kind, "name": question.get("name")}
    if kind == "predicate":
        return {**named, "probability": 0.5}
    if kind == "choice":
        values = [choice.get("value") for choice in objects(question.get("choices"))] or [True]
        odds = [{"value": value, "probability": 1 / len(values)} for value in values]
        return {**named, "choice": values[0], "confidence": 1 / len(values), "probabilities": odds}
    if kind == "score":
        labels = [level.get("label") for level in objects(question.get("levels"))] or [""]
        even = 1 / len(labels)
        odds = [{"label": one, "value": index, "probability": even} for index, one in enumerate(labels)]
        return {**named, "score": 0.0, "confidence": even, "probabilities": odds}
    raise invalid_value(f"{path}.type", kind, _QUESTION_TYPES)
