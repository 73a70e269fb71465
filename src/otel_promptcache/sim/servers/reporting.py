"""How servers report cached tokens in their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["openai", "no_details", "null_details", "deepseek"]

PROFILES: dict[Profile, str] = {
    "openai": "prompt_tokens_details and input_tokens_details, as in OpenAI's API",
    "no_details": "usage without the details field",
    "null_details": "the details field is there, but null",
    "deepseek": "prompt_cache_hit_tokens and prompt_cache_miss_tokens in addition to the totals",
}
"""How compatible servers report cache usage."""

Details = Literal["counted", "null", "absent"]
"""Whether the details of the input are present, and with counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageShape:
    """How a server's usage reports cached tokens.

    Attributes:
        on_hit: The input details of a request that read something from the cache.
        on_miss: The same for a request that read nothing.
        members: Which of `cached_tokens` and `created_cache_tokens` the details contain; None: the same as OpenAI's.
        has_hit_and_miss: Whether `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens` are next to the totals.
    """

    on_hit: Details = "counted"
    on_miss: Details = "counted"
    members: tuple[str, ...] | None = None
    has_hit_and_miss: bool = False


NULL_DETAILS = UsageShape(on_hit="null", on_miss="null")
HIT_AND_MISS = UsageShape(on_hit="absent", on_miss="absent", has_hit_and_miss=True)

SHAPES: dict[Profile, UsageShape] = {
    "openai": UsageShape(),
    "no_details": UsageShape(on_hit="absent", on_miss="absent"),
    "null_details": NULL_DETAILS,
    "deepseek": HIT_AND_MISS,
}
"""The usage shape of each profile."""
