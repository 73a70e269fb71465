"""Anthropic, and the rules of its models wherever they are served."""

from __future__ import annotations

import re
from collections.abc import Mapping

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.profile import AbsentCount, PriceList, Profile

_NAME = r"(?:[a-z-]+\.)?(?:anthropic[./])?claude-"
_END_OF_NAME = r"(?:$|:|[-@]20\d|-v\d|-latest)"

_MINIMUM_TOKENS = {
    512: "opus-5(?:-5)?|sonnet-5-5|haiku-5-5|(?:fable|mythos)-5(?:-[12])?",
    1_024: "opus-4(?:-[018])?|sonnet-(?:5|4(?:-[056])?)",
    2_048: "opus-4-7|mythos-preview|3-5-haiku|haiku-3-5",
    4_096: "opus-4-[56]|haiku-4-5",
}
"""The shortest prompts that are cached, in tokens, with the models that the minimum applies to.

Sources: Anthropic, prompt caching, August 2026; anthropics/skills, `claude-api/shared/prompt-caching.md`; for the
models 5.5, quotations of the page from September and October 2026 (checked 2026-11-25).
"""


def _family(pattern: str, minimum_tokens: int | None = None) -> CachePolicy:
    return CachePolicy(
        family="Claude",
        pattern=re.compile(pattern),
        minimum_tokens=minimum_tokens,
        step_tokens=1,
        has_exact_boundaries=True,
        is_opt_in=True,
        read_window_blocks=20,
        lifetime_seconds=300.0,
        lifetime_seconds_by_name={"5m": 300.0, "1h": 3_600.0},
        lives_from_request=True,
        source="Anthropic, prompt caching: nothing is cached without cache_control; entries are found up to 20 blocks "
        "before a marker, for 5 minutes or an hour from the request that wrote or read them; minimum by model",
        checked="2026-11-26",
    )


CLAUDE: tuple[CachePolicy, ...] = (
    *[
        # Routers write the version with a dot.
        _family(f"{_NAME}(?:{names.replace('-', '[-.]')}){_END_OF_NAME}", tokens)
        for tokens, names in _MINIMUM_TOKENS.items()
    ],
    _family(_NAME),
)

CLAUDE_VARIANTS: Mapping[str, Mapping[str, str]] = {
    "fast": {"speed": "fast"},
    "batch": {"processing": "batch"},
}
"""Source: genai-prices 0.2.3, Claude models (checked 2026-11-25)."""

_AT_AWS = r"aws-external-anthropic\.[a-z0-9-]+\.api\.aws"

ANTHROPIC = Profile(
    name="anthropic",
    domains=("anthropic.com", "claude.googleapis.com"),
    pattern=re.compile(_AT_AWS),
    has_no_cache_for_chats=True,
    answers_why=True,
    # Source: anthropics/skills, `claude-api/shared/platform-availability.md` (checked 2026-11-25).
    answers_no_why_at=re.compile(rf"{_AT_AWS}|claude\.googleapis\.com"),
    prices=PriceList("anthropic", variants=CLAUDE_VARIANTS),
    policies=CLAUDE,
    absent_count=AbsentCount.UNKNOWN,
    source="anthropic 2.14.0, types of usage, base URLs of its clients; "
    "https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk: no prompt caching through OpenAI's "
    "API",
)

_OWN_MODEL = re.compile(r"(?:anthropic/)?claude-")


def is_own_model(model: str) -> bool:
    """Whether a model is Anthropic's own, so that an unknown host that serves it may be a proxy."""
    return _OWN_MODEL.match(model) is not None
