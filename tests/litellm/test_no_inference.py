"""Requests that LiteLLM sends through the same handlers but that are not inferences, or only look like one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger
from litellm.llms.custom_httpx.http_handler import HTTPHandler

from tests.claude.wire import message
from tests.conftest import Telemetry
from tests.litellm.served import Served, served
from tests.litellm.surfaces import QUESTION, litellm

AWS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
EMBEDDED = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}


@pytest.fixture
def server() -> Iterator[Served]:
    with served() as server:
        yield server


def embed(url: str) -> Any:
    return litellm.embedding(model="hosted_vllm/m", input=["text"], api_base=url, api_key="key")


def embed_on_bedrock(url: str) -> Any:
    return litellm.embedding(
        model="bedrock/amazon.titan-embed-text-v2:0", input=["text"], aws_bedrock_runtime_endpoint=url, **AWS
    )


def rerank(url: str) -> Any:
    return litellm.rerank(model="cohere/m", query="q", documents=["a"], api_base=url, api_key="key")


def draw(url: str) -> Any:
    return litellm.image_generation(
        model="bedrock/amazon.nova-canvas-v1:0", prompt="p", aws_bedrock_runtime_endpoint=url, **AWS
    )


CASES = {
    embed: EMBEDDED,
    embed_on_bedrock: {"embedding": [0.5], "inputTextTokenCount": 1},
    rerank: {"id": "r", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {}},
    draw: {"images": ["aGk="]},
}


@pytest.mark.parametrize("ask", CASES, ids=[ask.__name__ for ask in CASES])
def test_what_is_no_inference_is_not_observed(ask: Any, server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    server.answer = CASES[ask]
    ask(server.url)
    assert len(server.arrived) == 1
    assert telemetry.spans == []
    assert telemetry.total("promptcache.requests") == 0


@pytest.mark.parametrize("path", ["/logs", "/v1/messages", "/v1/chat/completions"])
async def test_a_callback_that_sends_logs_is_not_observed(
    path: str, server: Served, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    logger = GenericAPILogger(endpoint=f"{server.url}{path}", headers={"x": "y"})
    logger.log_queue.append({"model": "gpt-5.4", "messages": [QUESTION]})
    await logger.async_send_batch()
    assert [arrived for arrived, _ in server.arrived] == [path]
    assert telemetry.spans == []


def test_an_application_that_uses_a_handler_for_an_inference_is_observed(
    server: Served, telemetry: Telemetry
) -> None:
    """A provider that an application adds to LiteLLM does so, too."""
    telemetry.instrument()
    server.answer = message()
    handler = HTTPHandler()
    handler.post(f"{server.url}/v1/messages", json={"model": "claude-opus-5", "messages": [QUESTION]})
    handler.close()
    assert telemetry.span["gen_ai.usage.input_tokens"] == 1_321


def test_claude_on_bedrock_is_observed(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    server.answer = message()
    litellm.completion(
        model="bedrock/invoke/anthropic.claude-opus-5-v1:0",
        messages=[QUESTION],
        aws_bedrock_runtime_endpoint=server.url,
        **AWS,
    )
    assert telemetry.span["gen_ai.usage.input_tokens"] == 1_321
    assert telemetry.span["gen_ai.request.model"] == "anthropic.claude-opus-5-v1:0"
