"""Ways to run an inference with LiteLLM, as functions from a base URL to what the caller sees."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else its import would ask the network for prices

import litellm
from otel_promptcache.sim import filler_text

litellm.disable_hf_tokenizer_download = True  # else it would ask the network for tokenizers
litellm.suppress_debug_info = True

TEXT = filler_text(1_800, "litellm")
SYSTEM = {"role": "system", "content": TEXT}
MARKED = {
    "role": "system",
    "content": [{"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}],
}
QUESTION = {"role": "user", "content": "Where is my order?"}
USAGE = {"stream_options": {"include_usage": True}}


@dataclass(frozen=True)
class Surface:
    """One way to call."""

    name: str
    api: str
    """The name of LiteLLM's function for it."""
    body: dict[str, Any]
    path: str
    """Where the request goes, after the host."""
    is_stream: bool = False
    native: str = "openai"
    """The SDK that has the same surface."""
    is_through_openai: bool = False
    """LiteLLM itself makes the request with OpenAI's SDK."""
    base: Callable[[str], str] = field(default=lambda url: url)
    """Makes the base URL that LiteLLM expects from the one that OpenAI's SDK expects."""

    def arguments(self, url: str, **more: Any) -> dict[str, Any]:
        return {"api_base": self.base(url), "api_key": "key", "num_retries": 0, **self.body, **more}

    def call(self, url: str, **more: Any) -> list[Any]:
        answer = getattr(litellm, self.api)(**self.arguments(url, **more))
        return [seen(event) for event in answer] if self.is_stream else [seen(answer)]

    async def acall(self, url: str, **more: Any) -> list[Any]:
        answer = await getattr(litellm, f"a{self.api}")(**self.arguments(url, **more))
        return [seen(event) async for event in answer] if self.is_stream else [seen(answer)]


def seen(value: Any) -> Any:
    """A value as a caller can distinguish it from others, without ids, times and headers of the transport."""
    if isinstance(value, BaseModel):
        return type(value).__qualname__, _comparable(value.model_dump(warnings=False))
    return type(value).__qualname__, _comparable(value)


_VARYING = frozenset({"id", "created", "created_at", "completed_at", "item_id", "response_id"})


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: None if key in _VARYING else _comparable(member) for key, member in value.items()}
    return [_comparable(each) for each in value] if isinstance(value, list) else value


def _both(name: str, api: str, path: str, body: dict[str, Any], **more: Any) -> list[Surface]:
    usage = USAGE if path == CHAT else {}
    return [
        Surface(name, api, body, path, **more),
        Surface(f"{name} stream", api, {**body, "stream": True, **usage}, path, is_stream=True, **more),
    ]


def _chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [SYSTEM, QUESTION], "max_tokens": 20}


def _root(url: str) -> str:
    return url.removesuffix("/v1")


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
CLAUDE = {"model": "anthropic/claude-opus-5", "messages": [MARKED, QUESTION], "max_tokens": 20}
ANSWER = {"model": "openai/gpt-5.4", "input": [SYSTEM, QUESTION]}

SURFACES = [
    *_both("anthropic", "completion", MESSAGES, CLAUDE, native="anthropic", base=_root),
    *_both("deepseek", "completion", CHAT, _chat("deepseek/deepseek-chat")),
    *_both("groq", "completion", CHAT, _chat("groq/openai/gpt-oss-120b")),
    *_both("openrouter", "completion", CHAT, _chat("openrouter/openai/gpt-5.4")),
    *_both("vllm", "completion", CHAT, _chat("hosted_vllm/meta-llama/Llama-3.3-70B-Instruct")),
    *_both("responses", "responses", RESPONSES, ANSWER),
    *_both("openai", "completion", CHAT, _chat("openai/gpt-5.4"), is_through_openai=True),
]
OWN = [surface for surface in SURFACES if not surface.is_through_openai]
"""Surfaces whose requests go through LiteLLM's own HTTP handlers."""
IDS = [surface.name for surface in SURFACES]
OWN_IDS = [surface.name for surface in OWN]
