"""How each server reports cached tokens, and what should be reported about it: one row each.

Sources: the servers' documentation, SDKs and issues; no server was asked live (checked 2026-11-25). If no source says
what a miss looks like, both a zero and nothing at all are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Usage = dict[str, Any]

PROMPT_TOKENS, CACHED_TOKENS, WRITTEN_TOKENS = 3_010, 2_944, 64
ABSENT = object()


def usage(details: Any = ABSENT, **top: Any) -> Usage:
    """The usage of a chat completion with these details of its input."""
    totals = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": 5, "total_tokens": PROMPT_TOKENS + 5}
    return {**totals, **({} if details is ABSENT else {"prompt_tokens_details": details}), **top}


def counted(cached: int, **others: Any) -> Usage:
    return usage({"cached_tokens": cached, **others})


HIT, ZERO, SILENT, NULL = counted(CACHED_TOKENS), counted(0), usage(), usage(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server: where it is, what it answers, and what is true of it."""

    url: str
    """Without the scheme."""
    provider: str
    """Expected `gen_ai.provider.name`."""
    model: str
    hit: Usage = field(default_factory=lambda: HIT)
    misses: tuple[Usage, ...] = (ZERO,)
    places: tuple[str, ...] = ("last",)
    """Where a stream has the usage: in the `last` event, in `every` one, in the `last choice`'s event, in
    `choices[0]`, in `x_groq`."""
    comment: bytes = b""
    """What is sent before each event of a stream."""
    is_priced: bool = False
    reports_hits: bool = True
    written_tokens: int | None = None
    """On a hit."""
    has_rules_of_openai: bool = False
    lives_for_minutes: bool = False
    """An entry has a published lifetime of less than an hour."""
    is_opt_in: bool = False

    @property
    def base_url(self) -> str:
        return f"http://{self.url}"

    @property
    def host(self) -> str:
        return self.url.partition("/")[0].partition(":")[0]


def _openai(url: str, provider: str) -> Server:
    return Server(url=url, provider=provider, model="gpt-5.4", is_priced=True, has_rules_of_openai=True)


def _moonshot(host: str) -> Server:
    return Server(
        url=f"{host}/v1",
        provider="moonshot_ai",
        model="kimi-k3",
        hit={**counted(CACHED_TOKENS, cache_write_tokens=WRITTEN_TOKENS), "cached_tokens": CACHED_TOKENS},
        misses=({**counted(0, cache_write_tokens=0), "cached_tokens": 0}, SILENT),
        places=("choices[0]",),
        is_priced=True,
        written_tokens=WRITTEN_TOKENS,
    )


_XAI_DETAILS = {"text_tokens": PROMPT_TOKENS, "audio_tokens": 0, "image_tokens": 0}
_XAI = {"hit": counted(CACHED_TOKENS, **_XAI_DETAILS), "misses": (counted(0, **_XAI_DETAILS),)}
_CREATED = {"ephemeral_5m_input_tokens": WRITTEN_TOKENS, "ephemeral_1h_input_tokens": 0}

SERVERS: dict[str, Server] = {
    "openai": _openai("api.openai.com/v1", "openai"),
    "azure": _openai("resource.openai.azure.com/openai/v1", "azure.ai.openai"),
    "azure cognitive services": _openai("resource.cognitiveservices.azure.com/openai/v1", "azure.ai.openai"),
    "azure foundry": Server(
        url="resource.services.ai.azure.com/openai/v1",
        provider="azure.ai.inference",
        model="gpt-5.4",
        is_priced=True,
    ),
    "deepseek": Server(
        url="api.deepseek.com/v1",
        provider="deepseek",
        model="deepseek-v4-pro",
        hit=usage(
            {"cached_tokens": CACHED_TOKENS},
            prompt_cache_hit_tokens=CACHED_TOKENS,
            prompt_cache_miss_tokens=PROMPT_TOKENS - CACHED_TOKENS,
        ),
        misses=(usage(prompt_cache_hit_tokens=0, prompt_cache_miss_tokens=PROMPT_TOKENS),),
        comment=b": keep-alive\n\n",
        is_priced=True,
    ),
    "deepseek at the top": Server(
        url="api.deepseek.com/v1",
        provider="deepseek",
        model="deepseek-v4-pro",
        hit=usage(prompt_cache_hit_tokens=CACHED_TOKENS, prompt_cache_miss_tokens=PROMPT_TOKENS - CACHED_TOKENS),
        misses=(usage(prompt_cache_hit_tokens=0, prompt_cache_miss_tokens=PROMPT_TOKENS),),
        is_priced=True,
    ),
    "xai": Server(url="api.x.ai/v1", provider="x_ai", model="grok-4.5", is_priced=True, **_XAI),
    "xai regional": Server(url="us-east-1.api.x.ai/v1", provider="x_ai", model="grok-4.5", **_XAI),
    "groq": Server(
        url="api.groq.com/openai/v1",
        provider="groq",
        model="openai/gpt-oss-120b",
        misses=(SILENT, ZERO),
        places=("x_groq", "last"),
        is_priced=True,
    ),
    "openrouter": Server(
        url="openrouter.ai/api/v1",
        provider="openrouter",
        model="deepseek/deepseek-v4-pro",
        hit=counted(CACHED_TOKENS, cache_write_tokens=0),
        misses=(counted(0, cache_write_tokens=0),),
        comment=b": OPENROUTER PROCESSING\n\n",
        is_priced=True,
        written_tokens=0,
    ),
    "together": Server(
        url="api.together.xyz/v1",
        provider="together_ai",
        model="zai-org/GLM-5.3",
        hit=SILENT,
        misses=(SILENT,),
        reports_hits=False,
    ),
    "fireworks": Server(
        url="api.fireworks.ai/inference/v1",
        provider="fireworks_ai",
        model="accounts/fireworks/models/deepseek-v4-pro",
        misses=(ZERO, SILENT),
        is_priced=True,
    ),
    "mistral": Server(
        url="api.mistral.ai/v1",
        provider="mistral_ai",
        model="mistral-large-2512",
        places=("last choice",),
        is_priced=True,
    ),
    "moonshot": _moonshot("api.moonshot.ai"),
    "moonshot cn": _moonshot("api.moonshot.cn"),
    "kimi": _moonshot("api.kimi.com"),
    "moonshot at the top": Server(
        url="api.moonshot.ai/v1",
        provider="moonshot_ai",
        model="kimi-k2.6",
        hit=usage(cached_tokens=CACHED_TOKENS),
        misses=(usage(cached_tokens=0), SILENT),
        places=("choices[0]",),
        is_priced=True,
    ),
    "gemini": Server(
        url="generativelanguage.googleapis.com/v1beta/openai",
        provider="gcp.gemini",
        model="gemini-2.5-flash",  # from Gemini 3 on, prompts of this length are too short
        misses=(NULL,),
        is_priced=True,
    ),
    "vertex": Server(
        url="us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/endpoints/openapi",
        provider="gcp.vertex_ai",
        model="google/gemini-2.5-flash",
        misses=(NULL,),
        is_priced=True,
    ),
    "vllm": Server(
        url="vllm.internal:8000/v1",
        provider="_OTHER",
        model="meta-llama/Llama-3.3-70B-Instruct",
        hit=counted(CACHED_TOKENS, created_cache_tokens=WRITTEN_TOKENS),
        misses=(counted(0, created_cache_tokens=PROMPT_TOKENS // 16 * 16),),
        places=("last", "every"),
        written_tokens=WRITTEN_TOKENS,
    ),
    "vllm without its flag": Server(
        url="vllm.internal:8000/v1",
        provider="_OTHER",
        model="meta-llama/Llama-3.3-70B-Instruct",
        hit=NULL,
        misses=(NULL,),
        reports_hits=False,
    ),
    "sglang": Server(
        url="sglang.internal:30000/v1",
        provider="_OTHER",
        model="Qwen/Qwen3-32B",
        misses=(NULL,),
        places=("last", "every"),
    ),
    "cerebras": Server(
        url="api.cerebras.ai/v1",
        provider="cerebras",
        model="gpt-oss-120b",
        misses=(ZERO, SILENT),
        lives_for_minutes=True,
    ),
    "litellm": Server(
        url="litellm.internal:4000/v1",
        provider="openai",
        model="gpt-5.6-sol",
        hit=usage(
            {
                "cached_tokens": CACHED_TOKENS,
                "cache_creation_tokens": WRITTEN_TOKENS,
                "cache_creation_token_details": _CREATED,
            },
            cache_read_input_tokens=CACHED_TOKENS,
            cache_creation_input_tokens=WRITTEN_TOKENS,
        ),
        misses=(usage({"cached_tokens": 0, "cache_creation_tokens": 0}, cache_read_input_tokens=0),),
        is_priced=True,
        written_tokens=WRITTEN_TOKENS,
        has_rules_of_openai=True,
    ),
    "dashscope": Server(
        url="dashscope-intl.aliyuncs.com/compatible-mode/v1",
        provider="dashscope",
        model="qwen3-max",
        hit=counted(CACHED_TOKENS, cache_creation_input_tokens=WRITTEN_TOKENS),
        misses=(ZERO, SILENT),
        written_tokens=WRITTEN_TOKENS,
    ),
    "z.ai": Server(
        url="api.z.ai/api/paas/v4",
        provider="z_ai",
        model="glm-5.3",
        misses=(ZERO, SILENT),
        is_priced=True,
    ),
    "minimax": Server(
        url="api.minimax.io/v1",
        provider="minimax",
        model="MiniMax-M3",
        misses=(ZERO, SILENT),
        is_priced=True,
    ),
    "anthropic": Server(
        url="api.anthropic.com/v1",
        provider="anthropic",
        model="claude-opus-5",
        hit=SILENT,
        misses=(SILENT,),
        reports_hits=False,
        is_opt_in=True,
    ),
}  # fmt: skip
