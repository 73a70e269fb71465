"""Who answers at a host."""

from __future__ import annotations

from functools import lru_cache

# `gen_ai.provider.name` by the end of the host name.
# Source: OpenTelemetry GenAI semantic conventions, registry of provider names (checked 2026-11-20).
_PROVIDER_BY_DOMAIN = (
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("inference.ai.azure.com", "azure.ai.inference"),
    ("openai.com", "openai"),
    ("deepseek.com", "deepseek"),
    ("groq.com", "groq"),
    ("x.ai", "x_ai"),
    ("mistral.ai", "mistral_ai"),
    ("moonshot.ai", "moonshot_ai"),
    ("moonshot.cn", "moonshot_ai"),
    ("perplexity.ai", "perplexity"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("googleapis.com", "gcp.gen_ai"),  # regional hosts such as us-central1-aiplatform
    ("amazonaws.com", "aws.bedrock"),
    ("openrouter.ai", "openrouter"),
    ("together.xyz", "together_ai"),
    ("together.ai", "together_ai"),
    ("fireworks.ai", "fireworks_ai"),
)


@lru_cache(256)
def provider_name(host: str) -> str:
    """Who serves a host; an unknown one (a gateway, a proxy) counts as `openai`, whose API it speaks."""
    for domain, name in _PROVIDER_BY_DOMAIN:
        if host == domain or host.endswith(f".{domain}"):
            return name
    return "openai"
