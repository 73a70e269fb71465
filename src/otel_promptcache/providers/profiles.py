"""All known providers, and lookups among them."""

from __future__ import annotations

from functools import lru_cache

from otel_promptcache.providers import claude, clouds, google, openai, servers, vendors
from otel_promptcache.providers.profile import Profile

OTHER = "_OTHER"
"""`gen_ai.provider.name` if the provider is unknown."""

PROFILES: tuple[Profile, ...] = (
    openai.GITHUB_MODELS,  # one of its hosts ends like one of Azure's
    openai.AZURE_OPENAI,
    openai.AZURE_INFERENCE,
    openai.OPENAI,
    vendors.DEEPSEEK,
    clouds.GROQ,
    vendors.X_AI,
    vendors.MISTRAL,
    vendors.MOONSHOT,
    vendors.PERPLEXITY,
    claude.ANTHROPIC,  # before those whose hosts end like its own
    google.GEMINI,
    google.VERTEX_AI,
    google.GEN_AI,  # all other hosts of Google
    clouds.BEDROCK,
    clouds.OPENROUTER,
    clouds.TOGETHER,
    clouds.FIREWORKS,
    clouds.CEREBRAS,
    vendors.Z_AI,
    vendors.MINIMAX,
    vendors.DASHSCOPE,
    clouds.HUGGINGFACE,
    clouds.VERCEL,
)
"""Providers that are known by their hosts, in the order in which they are tried."""

SELF_HOSTED: tuple[Profile, ...] = (servers.VLLM, servers.SGLANG)
"""Providers that only the setting `hosts` can name."""

_IS_OWN_MODEL = {
    openai.OPENAI.name: openai.is_own_model,
    claude.ANTHROPIC.name: claude.is_own_model,
}
_BY_NAME = {profile.name: profile for profile in (*PROFILES, *SELF_HOSTED)}
BILLED_BY_REQUESTED_MODEL = frozenset(
    profile.name
    for profile in PROFILES
    if profile.prices is not None and profile.prices.goes_by_requested_model
)
"""Names of the providers that bill by the requested id."""
_BY_PLATFORM = {profile.platform: profile.name for profile in PROFILES if profile.platform is not None}


def profile_named(provider: str | None) -> Profile | None:
    """The profile of a `gen_ai.provider.name`; None if nothing is known about it."""
    return _BY_NAME.get(provider) if provider is not None else None


def answers_why(provider: str, host: str) -> bool:
    """Whether a request to a provider can ask why its prompt is not read from the cache."""
    profile = _BY_NAME.get(provider)
    if profile is None or not profile.answers_why:
        return False
    return profile.answers_no_why_at is None or profile.answers_no_why_at.fullmatch(host) is None


def provider_of_platform(platform: str) -> str | None:
    """The name of the provider for an SDK client's own word for its platform; None if no provider has that word."""
    return _BY_PLATFORM.get(platform)


@lru_cache(256)
def known_provider(host: str) -> str | None:
    """The name of the provider that answers at a host; None if it is unknown."""
    return next((profile.name for profile in PROFILES if profile.serves(host)), None)


@lru_cache(1_024)
def presumed_provider(model: str | None, vendor: str) -> str:
    """The provider to presume if only the API and the model are known: the vendor for its own models, else `OTHER`.

    Args:
        model: The requested model; None if the request names none.
        vendor: `gen_ai.provider.name` of the API's maker.
    """
    return vendor if model is not None and _IS_OWN_MODEL[vendor](model) else OTHER
