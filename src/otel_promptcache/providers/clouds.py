"""Providers that serve other vendors' models, and routers to such providers."""

from __future__ import annotations

import re

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.claude import CLAUDE
from otel_promptcache.providers.profile import (
    IN_DETAILS,
    PROMPT_CACHE,
    AbsentCount,
    AffinityHint,
    PriceList,
    Profile,
)

_CACHE_KEY = AffinityHint("prompt_cache_key")

GROQ = Profile(
    name="groq",
    domains=("groq.com",),
    # Source: https://console.groq.com/docs/flex-processing (checked 2026-11-20).
    prices=PriceList("groq", standard_tiers=frozenset({"on_demand", "flex"})),
    policies=(
        CachePolicy(
            family="GroqCloud",
            pattern=re.compile(r""),
            lifetime_seconds=7_200.0,
            source="https://console.groq.com/docs/prompt-caching: two hours without use",
            checked="2026-11-25",
        ),
    ),
    cached_at=(IN_DETAILS, "x_groq.usage.prompt_tokens_details.cached_tokens"),
    advice="Only some models have a prompt cache; check whether yours does. Keep the volatile part of the prompt at "
    "its end.",
    source="https://console.groq.com/docs/prompt-caching; the SDK: the details may be missing",
)

CEREBRAS = Profile(
    name="cerebras",
    domains=("cerebras.ai",),
    policies=(
        CachePolicy(
            family="Cerebras",
            pattern=re.compile(r""),
            lifetime_seconds=300.0,
            source="https://inference-docs.cerebras.ai/capabilities/prompt-caching: blocks of 100 to 600 tokens, five "
            "minutes guaranteed, up to an hour",
            checked="2026-11-25",
        ),
    ),
    affinity=(_CACHE_KEY,),
    source="https://inference-docs.cerebras.ai/capabilities/prompt-caching; the SDK",
)

FIREWORKS = Profile(
    name="fireworks_ai",
    domains=("fireworks.ai",),
    prices=PriceList("fireworks"),
    policies=(PROMPT_CACHE,),
    affinity=(AffinityHint("x-session-affinity", is_header=True), AffinityHint("user"), _CACHE_KEY),
    source="https://fireworks.ai/docs/guides/prompt-caching",
)

TOGETHER = Profile(
    name="together_ai",
    domains=("together.xyz", "together.ai"),
    # Source: https://docs.together.ai/docs/serverless/geo-specific-inference (checked 2026-11-20).
    prices=PriceList("together", other_hosts=("-api.together.ai",)),
    policies=(PROMPT_CACHE,),
    source="the SDK, whose type of usage has no cached tokens; genai-prices 0.2.3",
)

BEDROCK = Profile(
    name="aws.bedrock",
    domains=("amazonaws.com", "api.aws"),
    platform="bedrock",
    prices=PriceList("aws", goes_by_requested_model=True),
    policies=CLAUDE,
    source="OpenTelemetry GenAI semantic conventions; genai-prices 0.2.3",
)

OPENROUTER = Profile(
    name="openrouter",
    domains=("openrouter.ai",),
    prices=PriceList("openrouter"),
    policies=(*CLAUDE, PROMPT_CACHE),
    absent_count=AbsentCount.UNKNOWN,
    affinity=(AffinityHint("session_id"),),
    advice="Or pin one upstream provider: name it in `provider.order` and turn off `allow_fallbacks`.",
    routing_advice="Name one provider in `provider.order`, and turn off `allow_fallbacks`.",
    source="https://openrouter.ai/docs/guides/best-practices/prompt-caching",
)

HUGGINGFACE = Profile(
    name="huggingface",
    domains=("router.huggingface.co",),
    source="Hugging Face, inference providers: the base URL",
)

VERCEL = Profile(
    name="vercel",
    domains=("ai-gateway.vercel.sh",),
    policies=CLAUDE,
    source="https://vercel.com/docs/ai-gateway: the base URL",
)
