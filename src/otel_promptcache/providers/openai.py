"""OpenAI, and the others that serve its models: Azure and GitHub."""

from __future__ import annotations

import re

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.claude import CLAUDE
from otel_promptcache.providers.profile import PROMPT_CACHE, AbsentCount, AffinityHint, PriceList, Profile

_GUIDE = "OpenAI, prompt caching guide"
_CHECKED = "2026-11-20"

_MAX_REQUESTS_PER_MINUTE = 15

_FAMILIES: tuple[CachePolicy, ...] = (
    CachePolicy(
        family="OpenAI models from before prompt caching",
        pattern=re.compile(r"gpt-3\.?5|gpt-4(?:-|$)|davinci|babbage|text-"),
        has_cache=False,
        step_tokens=128,
        lifetime_seconds=300.0,
        max_requests_per_minute=_MAX_REQUESTS_PER_MINUTE,
        source=f"{_GUIDE}: caching is for gpt-4o and newer",
        checked=_CHECKED,
    ),
    CachePolicy(
        family="gpt-5.6 and later",
        pattern=re.compile(r"(?:ft:)?gpt-(?:5\.(?:[6-9]|\d\d)|[6-9]|\d\d)"),
        minimum_tokens=1_024,
        step_tokens=1,
        has_exact_boundaries=True,
        lifetime_seconds=1_800.0,
        lifetime_seconds_by_name={"30m": 1_800.0, "12h": 43_200.0},
        max_requests_per_minute=_MAX_REQUESTS_PER_MINUTE,
        source=f"{_GUIDE}: exact breakpoints, 1,024 visible tokens, 30 minutes after the last write or reuse",
        checked=_CHECKED,
    ),
    CachePolicy(
        family="gpt-5.5",
        pattern=re.compile(r"(?:ft:)?gpt-5\.5"),
        minimum_tokens=1_024,
        step_tokens=2_048,
        lifetime_seconds=1_800.0,
        max_requests_per_minute=_MAX_REQUESTS_PER_MINUTE,
        source=f"{_GUIDE}: every 2,048 tokens, retention 24h only, typically about 30 minutes",
        checked=_CHECKED,
    ),
    CachePolicy(
        family="gpt-4o to gpt-5.4",
        pattern=re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.|chatgpt-4o|gpt-5|o\d|codex|computer-use)"),
        # Editions of the guide have named 1,024 to 2,048. The lowest is taken: below it a prompt is certainly
        # too short, above it a reported zero counts as a miss.
        minimum_tokens=1_024,
        step_tokens=128,
        lifetime_seconds=300.0,
        # Without zero data retention the default is 24h, but requests do not tell which one applies.
        lifetime_seconds_by_name={"24h": 86_400.0},
        max_requests_per_minute=_MAX_REQUESTS_PER_MINUTE,
        source=f"{_GUIDE}: steps of 128 tokens, in memory for 5 to 10 minutes of inactivity, or 24h",
        checked=_CHECKED,
    ),
)

# Fine-tunes lack their cached rate, models for speech and images lack counts that are billed separately, and open
# weights carry some reseller's price. Source: genai-prices 0.2.3 (checked 2026-11-25).
_INCOMPLETE = re.compile(r"^ft:|\.ft-|-audio|-realtime|-transcribe|gpt-image|gpt-oss")

_CACHE_KEY = (AffinityHint("prompt_cache_key"),)

OPENAI = Profile(
    name="openai",
    domains=("openai.com",),
    prices=PriceList(
        "openai",
        # Source: https://developers.openai.com/api/docs/guides/data-residency (checked 2026-11-20).
        other_hosts=(".api.openai.com",),
        incomplete=_INCOMPLETE,
        lists_all_discounts=True,
    ),
    policies=_FAMILIES,
    absent_count=AbsentCount.UNKNOWN,
    affinity=_CACHE_KEY,
    advice="Keep each key below about 15 requests per minute.",
    takes_openai_options=True,
    answers_why=True,
    source="openai 3.57.0, types of usage; prompt caching guide",
)

AZURE_OPENAI = Profile(
    name="azure.ai.openai",
    domains=("openai.azure.com", "cognitiveservices.azure.com"),
    platform="azure",
    prices=PriceList("azure", incomplete=_INCOMPLETE),
    policies=_FAMILIES,
    absent_count=AbsentCount.UNKNOWN,
    affinity=_CACHE_KEY,
    advice="Send all requests of a conversation to one deployment in one region.",
    takes_openai_options=True,
    answers_why=True,
    source="Azure OpenAI, prompt caching",
)

AZURE_INFERENCE = Profile(
    name="azure.ai.inference",
    domains=("services.ai.azure.com", "inference.ai.azure.com", "models.ai.azure.com"),
    prices=PriceList("azure", incomplete=_INCOMPLETE),
    policies=(*CLAUDE, PROMPT_CACHE),
    affinity=_CACHE_KEY,
    advice="Send all requests of a conversation to one deployment in one region.",
    source="Azure OpenAI, prompt caching",
)

GITHUB_MODELS = Profile(
    name="github_models",
    domains=("models.github.ai", "models.inference.ai.azure.com"),
    source="GitHub Models, quickstart: the base URL",
)

_OWN_MODEL = re.compile(
    r"(?:openai/)?(?:ft:)?(?:gpt-(?!oss)|chatgpt-|o\d|codex|computer-use|text-|davinci|babbage)"
)


def is_own_model(model: str) -> bool:
    """Whether a model is OpenAI's own, so that an unknown host may be a proxy; anyone can serve its open weights."""
    return _OWN_MODEL.match(model) is not None
