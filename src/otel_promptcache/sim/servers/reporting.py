"""How servers report cached tokens in their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["openai", "no_details", "null_details", "deepseek"]

PROFILES: dict[Profile, str] = {
    "openai": "prompt_tokens_details and input_tokens_details, as the API of that name",
    "no_details": "usage without the details field",
    "null_details": "the details field is there, but null",
    "deepseek": "prompt_cache_hit_tokens and prompt_cache_miss_tokens beside the totals",
}
"""How compatible servers report cache usage."""

Details = Literal["counted", "null", "absent"]
"""Whether the details of the input are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageShape:
    """How cached tokens stand in the usage.

    Attributes:
        on_hit: The details of the input of a request that read something from the cache.
        on_miss: The same of one that read nothing.
        members: What the details hold, of `cached_tokens` and `created_cache_tokens`; None: what OpenAI's do.
        has_hit_and_miss: `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens` stand beside the totals.
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
"""The shape that each profile stands for."""
