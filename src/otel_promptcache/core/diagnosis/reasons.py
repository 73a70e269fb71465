"""The reasons for which a request read less from the cache than it could have."""

from __future__ import annotations

from enum import Enum


class MissReason(str, Enum):
    """Why less was read; the first nine are the provider's own names.

    Source: openai 3.51.0, `types/responses/response.py`, PromptCacheDiagnostics (checked 2026-11-20).
    """

    MODEL_CHANGED = "model_changed"
    PROMPT_CACHE_KEY_CHANGED = "prompt_cache_key_changed"
    SERVICE_TIER_CHANGED = "service_tier_changed"
    TOOLS_CHANGED = "tools_changed"
    TEXT_FORMAT_CHANGED = "text_format_changed"
    REASONING_EFFORT_CHANGED = "reasoning_effort_changed"
    VERBOSITY_CHANGED = "verbosity_changed"
    CONTEXT_COMPACTED = "context_compacted"
    INPUT_CHANGED = "input_changed"
    ENDPOINT_CHANGED = "endpoint_changed"
    """A different host, or a different provider behind a router, has the prompt."""
    SETTINGS_CHANGED = "settings_changed"
    """A setting that is part of the rendered prompt or of the routing changed; the place names it."""
    COLD_START = "cold_start"
    EXPIRED = "expired"
    BELOW_MINIMUM = "below_minimum"
    CACHING_DISABLED = "caching_disabled"
    MODE_CHANGED = "mode_changed"
    NO_MATCHING_BREAKPOINT = "no_matching_breakpoint"
    RATE_OVERFLOW = "rate_overflow"
    CONCURRENT = "concurrent"
    UNSEEN = "unseen"
    """Other processes also send the prompt, and this one has not seen enough to tell."""
    PROVIDER = "provider"
    """The prompt did not change, its lifetime had not passed, the rate was low: not the application's doing."""


CONTENT_REASONS = frozenset(
    {
        MissReason.TOOLS_CHANGED,
        MissReason.TEXT_FORMAT_CHANGED,
        MissReason.CONTEXT_COMPACTED,
        MissReason.INPUT_CHANGED,
        MissReason.SETTINGS_CHANGED,
        MissReason.NO_MATCHING_BREAKPOINT,
    }
)
"""Reasons for which it matters where the prompt diverges from an earlier one."""


class MissSource(str, Enum):
    """Who gives the reason."""

    PROVIDER = "provider"
    """The API's own diagnostics."""
    CLIENT = "client"
    """Our comparison."""


TIME_DEPENDENT_REASONS = frozenset(
    {
        MissReason.EXPIRED,
        MissReason.PROVIDER,
        MissReason.RATE_OVERFLOW,
        MissReason.CONCURRENT,
        MissReason.UNSEEN,
    }
)
"""Reasons that depend on when the prompt is processed."""
