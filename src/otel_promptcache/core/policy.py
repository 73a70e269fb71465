"""The providers' cache rules as data, each with where it was read and when."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENAI_GUIDE = "OpenAI, Prompt caching guide"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What a family of models promises about its prompt cache.

    Source: as in `source` (checked as in `checked`).
    """

    family: str
    providers: frozenset[str]
    """OpenTelemetry provider names the rule holds for."""
    pattern: re.Pattern[str]
    """Matched at the start of the model id."""
    has_cache: bool
    minimum_tokens: int | None
    """Shortest input that can be cached; None where it is not known."""
    source: str
    checked: str

    def applies_to(self, provider: str, model: str) -> bool:
        """Tell whether the rule is about this model."""
        return provider in self.providers and self.pattern.match(model) is not None


_OPENAI = frozenset({"openai", "azure.ai.openai"})

POLICIES: tuple[CachePolicy, ...] = (
    CachePolicy(
        family="OpenAI models from before prompt caching",
        providers=_OPENAI,
        pattern=re.compile(r"gpt-3\.5|gpt-4(?:-|$)|davinci|babbage|text-"),
        has_cache=False,
        minimum_tokens=None,
        source=f"{_OPENAI_GUIDE}: caching is for gpt-4o and newer",
        checked="2026-11-20",
    ),
    CachePolicy(
        family="OpenAI models with prompt caching",
        providers=_OPENAI,
        pattern=re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.|chatgpt-4o|gpt-[5-9]|o\d|codex|computer-use)"),
        has_cache=True,
        # Editions of the guide have named 1,024 to 2,048 for models before gpt-5.6. The lowest is taken:
        # below it a prompt is certainly too short, above it a reported zero counts as a miss.
        minimum_tokens=1_024,
        source=f"{_OPENAI_GUIDE}: minimum of 1,024 tokens",
        checked="2026-11-20",
    ),
)

UNKNOWN_POLICY = CachePolicy(
    family="unknown",
    providers=frozenset(),
    pattern=re.compile(r""),
    has_cache=True,
    minimum_tokens=None,
    source="no rule is known: what the provider reports is taken as it is",
    checked="2026-11-20",
)


def policy_for(provider: str, model: str) -> CachePolicy:
    """Find the first rule about a model, or `UNKNOWN_POLICY`, which excludes nothing."""
    return next((policy for policy in POLICIES if policy.applies_to(provider, model)), UNKNOWN_POLICY)
