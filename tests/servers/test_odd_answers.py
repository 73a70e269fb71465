"""Odd answers of gateways and servers: nobody is blamed for them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import OpenAI

from otel_promptcache.providers.policies import policy_for
from tests.conftest import Telemetry
from tests.reliability.server import answering, completion

PROMPT: Any = [{"role": "user", "content": "This is how the house answers. " * 400}]


def ask(base_url: str, model: str, usage: Any, **choice: Any) -> None:
    answer = completion(model=model, usage=usage)
    answer["choices"][0].update(choice)
    transport = httpx2.MockTransport(answering(answer))
    with OpenAI(api_key="key", base_url=base_url, http_client=httpx2.Client(transport=transport)) as client:
        client.chat.completions.create(model=model, messages=PROMPT)


def test_what_one_port_reports_says_nothing_about_another(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts={"localhost": "vllm"})
    tokens = {"prompt_tokens": 3_000, "completion_tokens": 5}
    ask("http://localhost:8000/v1", "llama", {**tokens, "prompt_tokens_details": {"cached_tokens": 992}})
    ask("http://localhost:8001/v1", "llama", tokens)
    assert (telemetry.spans[-1].attributes or {})["promptcache.result"] == "unknown"


def test_an_error_of_the_upstream_in_a_choice_is_an_error(telemetry: Telemetry) -> None:
    telemetry.instrument()
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}}
    error = {"code": 502, "message": "upstream"}
    ask("https://openrouter.ai/api/v1", "openai/gpt-5.4", nothing, finish_reason="error", error=error)
    assert telemetry.span["error.type"] == "APIError"


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("anthropic/claude-haiku-4.5", 4_096),
        ("anthropic/claude-opus-4.6", 4_096),
        ("anthropic/claude-3.5-haiku:beta", 2_048),
        ("anthropic/claude-opus-4.1", 1_024),
        ("claude-haiku-4-5-20251001", 4_096),
    ],
)
def test_the_minimum_of_a_claude_model_does_not_depend_on_the_spelling(model: str, tokens: int) -> None:
    assert policy_for("openrouter", model).minimum_tokens == tokens
