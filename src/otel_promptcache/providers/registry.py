"""Which requests are inferences, in which wire format, and whose they are."""

from __future__ import annotations

import re
from functools import lru_cache

from otel_promptcache.providers.base import WireFormat, string
from otel_promptcache.providers.openai_chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.providers.openai_responses import COMPACT, RESPONSES

# The longer suffix first: a chat path ends like that of a legacy completion.
_FORMAT_BY_SUFFIX = (
    ("/chat/completions", CHAT_COMPLETIONS),
    ("/completions", COMPLETIONS),
    ("/responses", RESPONSES),
    ("/responses/compact", COMPACT),
)

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

MAX_PATH_CHARS = 2_048
"""Characters of a path that are looked at; a longer one is no inference."""

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")


def wire_format(method: str, path: str) -> WireFormat | None:
    """The format of an inference request; None for whatever else an SDK may send.

    Args:
        method: HTTP method, in any case. Listing stored completions is a GET on the same path.
        path: Path or URL; a query is ignored.
    """
    if method.upper() != "POST":
        return None
    path = path[:MAX_PATH_CHARS].partition("?")[0].rstrip("/")
    return next((found for suffix, found in _FORMAT_BY_SUFFIX if path.endswith(suffix)), None)


@lru_cache(256)
def provider_name(host: str) -> str:
    """Who serves a host; an unknown one (a gateway, a proxy) counts as `openai`, whose API it speaks."""
    for domain, name in _PROVIDER_BY_DOMAIN:
        if host == domain or host.endswith(f".{domain}"):
            return name
    return "openai"


def azure_deployment(path: str) -> str | None:
    """The deployment that an Azure path names: there it stands for the model, which the body may lack."""
    match = _DEPLOYMENT.search(path[:MAX_PATH_CHARS])
    return string(match[1]) if match else None
