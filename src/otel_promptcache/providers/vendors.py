"""Vendors that serve their own models."""

from __future__ import annotations

import re
from dataclasses import replace

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.profile import (
    IN_DETAILS,
    PROMPT_CACHE,
    AbsentCount,
    AffinityHint,
    PriceList,
    Profile,
)

DEEPSEEK = Profile(
    name="deepseek",
    domains=("deepseek.com",),
    prices=PriceList("deepseek"),
    policies=(
        CachePolicy(
            family="DeepSeek",
            pattern=re.compile(r"deepseek"),
            has_units=True,
            expects_reads=False,
            source="https://api-docs.deepseek.com/guides/kv_cache: whole units, namely the ends of requests, common "
            "prefixes that were detected, fixed intervals; best effort",
            checked="2026-11-25",
        ),
    ),
    cached_at=("usage.prompt_cache_hit_tokens", IN_DETAILS),
    absent_count=AbsentCount.UNKNOWN,
    advice="Expect a hit only after sending a prefix twice: a shared prefix is stored once it has been seen. Only "
    "whole prefixes, from the first token on, match.",
    source="https://api-docs.deepseek.com/guides/kv_cache",
)

X_AI = Profile(
    name="x_ai",
    domains=("x.ai",),
    # Regional endpoints bill a surcharge. Source: https://docs.x.ai/developers/advanced-api-usage/regions (checked
    # 2026-11-20).
    prices=PriceList("x-ai", other_hosts=(".api.x.ai",)),
    policies=(PROMPT_CACHE,),
    absent_count=AbsentCount.UNKNOWN,
    affinity=(
        AffinityHint("x-grok-conv-id", is_header=True, api_type="chat_completions"),
        AffinityHint("prompt_cache_key", api_type="responses"),
    ),
    source="https://docs.x.ai/developers/advanced-api-usage/prompt-caching",
)

MISTRAL = Profile(
    name="mistral_ai",
    domains=("mistral.ai",),
    # Source: https://docs.mistral.ai/inference/regional-inference (checked 2026-11-20).
    prices=PriceList("mistral", other_hosts=(".eu.mistral.ai", ".us.mistral.ai")),
    policies=(PROMPT_CACHE,),
    affinity=(AffinityHint("prompt_cache_key"),),
    advice="This raises the chance of a hit, but does not guarantee one.",
    source="https://docs.mistral.ai/inference/conversations/advanced/prompt-caching",
)

MOONSHOT = Profile(
    name="moonshot_ai",
    domains=("moonshot.ai", "moonshot.cn", "kimi.com"),
    prices=PriceList("moonshotai"),
    policies=(PROMPT_CACHE,),
    cached_at=("usage.cached_tokens", IN_DETAILS, "choices[0].usage.cached_tokens"),
    advice="Request a longer cache lifetime if the model offers one.",
    source="Bike4Mind #1089: both spellings, and the usage of a stream in its choice",
)

PERPLEXITY = Profile(
    name="perplexity",
    domains=("perplexity.ai",),
    prices=PriceList("perplexity"),
    policies=(PROMPT_CACHE,),
    source="OpenTelemetry GenAI semantic conventions; genai-prices 0.2.3",
)

Z_AI = Profile(
    name="z_ai",
    domains=("z.ai", "bigmodel.cn"),
    prices=PriceList("zai", other_hosts=("bigmodel.cn",)),
    policies=(PROMPT_CACHE,),
    source="https://docs.z.ai/guides/overview/pricing; genai-prices 0.2.3",
)

MINIMAX = Profile(
    name="minimax",
    domains=("minimax.io", "minimaxi.com"),
    prices=PriceList("minimax", other_hosts=("minimaxi.com",)),
    policies=(
        replace(
            PROMPT_CACHE,
            family="MiniMax",
            minimum_tokens=512,
            source="https://platform.minimax.io/docs/api-reference/text-prompt-caching: from 512 tokens on, the "
            "lifetime depends on the load",
        ),
    ),
    source="https://platform.minimax.io/docs/api-reference/text-prompt-caching",
)

DASHSCOPE = Profile(
    name="dashscope",
    domains=("dashscope.aliyuncs.com",),
    pattern=re.compile(r"dashscope-[a-z0-9-]+\.aliyuncs\.com"),
    policies=(PROMPT_CACHE,),
    source="Alibaba Cloud Model Studio, OpenAI compatibility: the base URL",
)
