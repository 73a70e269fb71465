"""Providers whose prompts are not read: model, tokens and dollars are reported, but no miss reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_promptcache.wire.converse import CONVERSE
from otel_promptcache.wire.generate_content import GENERATE_CONTENT
from tests.claude.wire import raw_frame, string_header
from tests.conftest import Telemetry
from tests.litellm.served import Served, served
from tests.litellm.surfaces import QUESTION, litellm

GEMINI, NOVA = "gemini-2.5-flash", "amazon.nova-pro-v1:0"
AWS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
PRICES = {
    GEMINI: {"input": 1.0, "cache_read": 0.1},
    NOVA: {"input": 1.0, "cache_read": 0.1},
}
GENERATED = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {
        "promptTokenCount": 5_000, "cachedContentTokenCount": 4_096, "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3, "totalTokenCount": 5_010, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5_000}],
    },
    "modelVersion": GEMINI,
    "responseId": "r-1",
}  # fmt: skip
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 904, "cacheReadInputTokens": 4_096, "cacheWriteInputTokens": 0, "outputTokens": 10,
        "totalTokens": 5_010,
    },
    "metrics": {"latencyMs": 5},
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Served]:
    with served() as server:
        yield server


def frames() -> bytes:
    """The events of a stream from Bedrock."""
    events = {
        "messageStart": {"role": "assistant"},
        "contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hello"}},
        "contentBlockStop": {"contentBlockIndex": 0},
        "messageStop": {"stopReason": "end_turn"},
        "metadata": {"usage": CONVERSED["usage"], "metrics": {"latencyMs": 5}},
    }
    return b"".join(
        raw_frame(
            json.dumps(event).encode(),
            string_header(":event-type", name)
            + string_header(":content-type", "application/json")
            + string_header(":message-type", "event"),
        )
        for name, event in events.items()
    )


def events() -> bytes:
    """The events of a stream from Gemini."""
    first = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 5_000, "totalTokenCount": 5_000},
    }
    return b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in (first, GENERATED))


def gemini(url: str) -> dict[str, Any]:
    return {"model": f"gemini/{GEMINI}", "api_base": f"{url}/v1beta", "api_key": "key"}


def nova(url: str) -> dict[str, Any]:
    return {"model": f"bedrock/converse/{NOVA}", "aws_bedrock_runtime_endpoint": url, **AWS}


PROVIDERS = {
    "gcp.gemini": (gemini, GENERATED, events, GEMINI, "generate_content"),
    "aws.bedrock": (nova, CONVERSED, frames, NOVA, "chat"),
}


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_was_spent_is_told(
    provider: str, is_async: bool, is_stream: bool, server: Served, telemetry: Telemetry
) -> None:
    arguments, whole, stream, model, operation = PROVIDERS[provider]
    server.answer = stream() if is_stream else whole
    asked = {**arguments(server.url), "messages": [QUESTION], "stream": is_stream}

    async def texts() -> list[str | None]:
        if is_async:
            answer = await litellm.acompletion(**asked)
            chunks = [chunk async for chunk in answer] if is_stream else [answer]
        else:
            answer = litellm.completion(**asked)
            chunks = list(answer) if is_stream else [answer]
        return [(each.choices[0].delta if is_stream else each.choices[0].message).content for each in chunks]

    without = await texts()
    telemetry.instrument(hosts={server.url.removeprefix("http://"): provider}, prices=PRICES)
    assert await texts() == without
    told = telemetry.span
    assert told["gen_ai.operation.name"] == operation
    assert told["gen_ai.provider.name"] == provider
    assert told["gen_ai.request.model"] == model
    assert told.get("gen_ai.request.stream", False) is is_stream
    assert told["gen_ai.usage.input_tokens"] == 5_000
    assert told["gen_ai.usage.cache_read.input_tokens"] == 4_096
    assert told["gen_ai.usage.output_tokens"] == 10
    assert told["promptcache.result"] == "hit"
    assert told["promptcache.savings.amount"] == pytest.approx(4_096 * 0.9e-6)
    assert not [name for name in told if ".miss" in name or ".prefix" in name or ".abandoned" in name]
    assert telemetry.total("promptcache.requests") == 1


def test_a_miss_has_no_reason(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument(hosts={server.url.removeprefix("http://"): "gcp.gemini"})
    usage = {
        "promptTokenCount": 5_000,
        "cachedContentTokenCount": 0,
        "candidatesTokenCount": 7,
        "totalTokenCount": 5_007,
    }
    server.answer = {**GENERATED, "usageMetadata": usage}
    for _ in range(2):
        litellm.completion(**gemini(server.url), messages=[QUESTION])
    for span in telemetry.spans:
        told = dict(span.attributes or {})
        assert told["promptcache.result"] == "miss"
        assert not [name for name in told if ".miss" in name or ".expected" in name or ".avoidable" in name]


def test_an_image_of_gemini_is_not_observed(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    server.answer = {**GENERATED, "candidates": [{"content": {"parts": [picture]}, "finishReason": "STOP"}]}
    litellm.image_generation(
        model="gemini/gemini-2.5-flash-image", prompt="p", api_base=server.url, api_key="key"
    )
    ((path, body),) = server.arrived
    assert path.endswith(":generateContent")
    assert "IMAGE" in str(body)
    assert telemetry.spans == []


CASES = {
    "thoughts are apart": (
        {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 18},
        (10, 8, 3, None),
    ),
    "thoughts are among the candidates": (
        {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 15},
        (10, 5, 3, None),
    ),
    "what tools brought is input": (
        {
            "promptTokenCount": 10,
            "toolUsePromptTokenCount": 4,
            "candidatesTokenCount": 5,
            "totalTokenCount": 19,
        },
        (14, 5, None, None),
    ),
    "a zero is a zero": ({"promptTokenCount": 10, "cachedContentTokenCount": 0}, (10, None, None, 0)),
    "nothing is said": ({}, (None, None, None, None)),
}


@pytest.mark.parametrize(("usage", "expected"), CASES.values(), ids=CASES)
def test_what_gemini_counts(usage: Any, expected: tuple[int | None, ...]) -> None:
    read = GENERATE_CONTENT.read_answer({"usageMetadata": usage}).usage
    assert read is not None
    assert (read.input_tokens, read.output_tokens, read.reasoning_tokens, read.cache_read_tokens) == expected


def test_what_bedrock_wrote_for_how_long() -> None:
    details = [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 20}, {"ttl": ["5m"]}]
    usage = {"inputTokens": 7, "cacheWriteInputTokens": 50, "outputTokens": 1, "cacheDetails": details}
    read = CONVERSE.read_answer({"usage": usage}).usage
    assert read is not None
    assert (read.input_tokens, read.cache_read_tokens, read.cache_write_tokens) == (57, None, 50)
    assert read.written_by_lifetime == (("1h", 30), ("5m", 20))


ODD = [
    "n/a",
    7,
    [1],
    {"promptTokenCount": -1, "inputTokens": -1},
    {"promptTokenCount": "9", "inputTokens": "9"},
]


@pytest.mark.parametrize("usage", ODD, ids=repr)
@pytest.mark.parametrize("name", ["usageMetadata", "usage"])
def test_impossible_usage_is_no_usage(name: str, usage: Any) -> None:
    wire = GENERATE_CONTENT if name == "usageMetadata" else CONVERSE
    part = wire.read_answer({name: usage, "stopReason": "end", "candidates": [{"finishReason": "STOP"}]})
    assert part.usage is None
    assert part.invalid_usage is not None
    assert part.reply.finish_reasons


ODD_MESSAGES = [
    {"candidates": "x", "error": "x", "usageMetadata": None},
    {
        "candidates": [None, {"content": 1, "finishReason": 2, "index": "0"}],
        "responseId": 3,
        "modelVersion": [],
    },
    {"stopReason": {}, "usage": None, "type": 7, "delta": None},
    {"type": "error", "error": {"type": "not a word"}},
]


@pytest.mark.parametrize("message", ODD_MESSAGES, ids=repr)
def test_odd_messages_say_nothing(message: Any) -> None:
    for wire in (GENERATE_CONTENT, CONVERSE):
        part = wire.read_answer(message)
        assert part.usage is None
        assert part.invalid_usage is None
        assert part.reply.finish_reasons is None
