"""Requests that only the SDK can write, or nobody but the application can read."""

from __future__ import annotations

import gzip
import io
import json
from datetime import datetime, timezone
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from pydantic import BaseModel

from tests.conftest import Telemetry

from .server import answering, client_of, completion

SAME = "This is how the house answers. " * 1_000
TEXTS = (f"One. {SAME}", f"Two. {SAME}")
NOTHING_READ = completion(
    usage={"prompt_tokens": 5_000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0}}
)


class Body(BaseModel):
    """A whole request."""

    model: str
    messages: list[ChatCompletionMessage]


def message(text: str) -> ChatCompletionMessage:
    return ChatCompletionMessage(role="assistant", content=text)


def plain(client: OpenAI, text: str) -> None:
    body = {"model": "gpt-5.4", "messages": [message(text).model_dump()]}
    client.post("/chat/completions", cast_to=ChatCompletion, body=body)


def model_as_message(client: OpenAI, text: str) -> None:
    body = {"model": "gpt-5.4", "messages": [message(text)]}
    client.post("/chat/completions", cast_to=ChatCompletion, body=body)


def model_as_body(client: OpenAI, text: str) -> None:
    body: Any = Body(model="gpt-5.4", messages=[message(text)])
    client.post("/chat/completions", cast_to=ChatCompletion, body=body)


def model_in_addition(client: OpenAI, text: str) -> None:
    client.chat.completions.create(model="gpt-5.4", messages=[], extra_body={"messages": [message(text)]})


def date_in_content(client: OpenAI, text: str) -> None:
    parts = [{"type": "text", "text": text, "at": datetime(2026, 1, 1, tzinfo=timezone.utc)}]
    body = {"model": "gpt-5.4", "messages": [{"role": "user", "content": parts}]}
    client.post("/chat/completions", cast_to=ChatCompletion, body=body)


@pytest.mark.parametrize("ask", [plain, model_as_message, model_as_body, model_in_addition, date_in_content])
def test_what_only_the_sdk_can_write_is_read_as_it_is_sent(ask: Any, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(answering(NOTHING_READ)) as client:
        for text in (TEXTS[0], TEXTS[1], TEXTS[1]):
            ask(client, text)
    spans = [dict(span.attributes or {}) for span in telemetry.spans]
    assert {span["gen_ai.request.model"] for span in spans} == {"gpt-5.4"}
    assert [span.get("promptcache.miss.reason") for span in spans] == [
        "cold_start",
        "cold_start",
        "provider",
    ]
    assert telemetry.total("promptcache.internal.errors") == 0


def compressed(body: bytes) -> dict[str, Any]:
    return {"content": gzip.compress(body), "options": {"headers": {"Content-Encoding": "gzip"}}}


def in_pieces(body: bytes) -> dict[str, Any]:
    return {"content": iter([body]), "options": {"headers": {"Content-Type": "application/json"}}}


def as_file(body: bytes) -> dict[str, Any]:
    return {"content": io.BytesIO(body), "options": {"headers": {"Content-Type": "application/json"}}}


@pytest.mark.parametrize("sent_as", [compressed, in_pieces, as_file])
def test_a_prompt_that_cannot_be_read_is_unknown(sent_as: Any, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with client_of(answering(NOTHING_READ)) as client:
        for text in TEXTS:
            body = json.dumps({"model": "gpt-5.4", "messages": [{"role": "user", "content": text}]}).encode()
            client.post("/chat/completions", cast_to=ChatCompletion, **sent_as(body))
    assert len(telemetry.spans) == 2
    for span in [dict(each.attributes or {}) for each in telemetry.spans]:
        assert span["gen_ai.usage.input_tokens"] == 5_000
        assert "promptcache.prefix.fingerprint" not in span
        assert "promptcache.miss.reason" not in span
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.internal.errors") == 0


def test_an_option_that_only_the_sdk_can_write_is_left_as_it_is(telemetry: Telemetry) -> None:
    class Options(BaseModel):
        include_usage: bool = False

    telemetry.instrument(stream_usage=True, request_diagnostics=1.0)
    sent: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.content))
        return httpx2.Response(200, json=NOTHING_READ)

    with client_of(answer) as client:
        body = {
            "model": "gpt-5.6",
            "messages": [message("Hi")],
            "stream": True,
            "stream_options": Options(include_usage=False),
        }
        client.post("/chat/completions", cast_to=ChatCompletion, body=body)
        body = {"model": "gpt-5.6", "input": "Hi", "prompt_cache_options": Options(include_usage=False)}
        client.post("/responses", cast_to=object, body=body)
    assert sent[0]["stream_options"] == sent[1]["prompt_cache_options"] == {"include_usage": False}
    assert telemetry.total("promptcache.requests") == 2
    assert telemetry.total("promptcache.internal.errors") == 0
