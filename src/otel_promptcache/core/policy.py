"""The providers' cache rules as data, each with where it was read and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from otel_promptcache.core.quoting import named, quoted

_GUIDE = "OpenAI, prompt caching guide"
_CHECKED = "2026-11-20"


class InvalidPolicyError(ValueError):
    """A stated policy is not in order; the message names the place, the value and what is allowed."""


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
    source: str
    checked: str = _CHECKED
    has_cache: bool = True
    minimum_tokens: int | None = None
    """Shortest input that can be cached; None where it is not known."""
    step_tokens: int = 128
    """What is read is a multiple of this, so a smaller shortfall means nothing."""
    has_exact_boundaries: bool = False
    """Only marked places can be read up to, instead of any multiple of the step."""
    lifetime_seconds: float = 300.0
    """How long an entry surely lives after its last use, where the request does not say otherwise."""
    lifetime_seconds_by_name: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same for a `ttl` or `retention` that a request names."""
    has_published_lifetime: bool = True
    """False if nobody has published how long an entry lives: what is older is not known to have expired."""
    max_requests_per_minute: float | None = 15
    """Above this, requests with the same start spill to machines that have not seen them; None if that is not known."""

    @property
    def is_known(self) -> bool:
        """Whether it is about certain models, rather than all that no rule is known of."""
        return bool(self.providers)

    def applies_to(self, provider: str, model: str) -> bool:
        """Tell whether the rule is about this model."""
        return provider in self.providers and self.pattern.match(model) is not None

    def lifetime(self, name: str) -> float:
        """Seconds for which an entry surely lives if a request names this `ttl` or `retention`."""
        return self.lifetime_seconds_by_name.get(name, self.lifetime_seconds)


_OPENAI = frozenset({"openai", "azure.ai.openai"})

# Limits of the exact rules. Source: OpenAI, prompt caching guide of September 2026; the SDK's docstring says
# the latest 80 breakpoints instead of 50 (checked 2026-11-20).
MAX_WRITES = 4
FIRST_EXPLICIT_LOOKUPS = 2
LATEST_EXPLICIT_LOOKUPS = 50
EARLIER_MESSAGE_LOOKUPS = 20

POLICIES: tuple[CachePolicy, ...] = (
    CachePolicy(
        family="OpenAI models from before prompt caching",
        providers=_OPENAI,
        pattern=re.compile(r"gpt-3\.?5|gpt-4(?:-|$)|davinci|babbage|text-"),
        has_cache=False,
        source=f"{_GUIDE}: caching is for gpt-4o and newer",
    ),
    CachePolicy(
        family="gpt-5.6 and later",
        providers=_OPENAI,
        pattern=re.compile(r"(?:ft:)?gpt-(?:5\.(?:[6-9]|\d\d)|[6-9]|\d\d)"),
        minimum_tokens=1_024,
        step_tokens=1,
        has_exact_boundaries=True,
        lifetime_seconds=1_800.0,
        lifetime_seconds_by_name={"30m": 1_800.0, "12h": 43_200.0},
        source=f"{_GUIDE}: exact breakpoints, 1,024 visible tokens, 30 minutes after the last write or reuse",
    ),
    CachePolicy(
        family="gpt-5.5",
        providers=_OPENAI,
        pattern=re.compile(r"(?:ft:)?gpt-5\.5"),
        minimum_tokens=1_024,
        step_tokens=2_048,
        lifetime_seconds=1_800.0,
        source=f"{_GUIDE}: every 2,048 tokens, retention 24h only, typically about 30 minutes",
    ),
    CachePolicy(
        family="gpt-4o to gpt-5.4",
        providers=_OPENAI,
        pattern=re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.|chatgpt-4o|gpt-5|o\d|codex|computer-use)"),
        # Editions of the guide have named 1,024 to 2,048. The lowest is taken: below it a prompt is certainly
        # too short, above it a reported zero counts as a miss.
        minimum_tokens=1_024,
        # Without zero data retention the default is 24h, but requests do not tell which one holds.
        lifetime_seconds_by_name={"24h": 86_400.0},
        source=f"{_GUIDE}: steps of 128 tokens, in memory for 5 to 10 minutes of inactivity, or 24h",
    ),
    CachePolicy(
        family="GroqCloud",
        providers=frozenset({"groq"}),
        pattern=re.compile(r""),
        lifetime_seconds=7_200.0,
        max_requests_per_minute=None,
        source="GroqCloud, prompt caching: two hours without use",
        checked="2026-11-25",
    ),
    # An unchanged prompt that was read within minutes is read again; longer than that nobody promises anything.
    CachePolicy(
        family="other providers with a prompt cache",
        providers=frozenset(
            {
                "azure.ai.inference",
                "x_ai",
                "mistral_ai",
                "moonshot_ai",
                "fireworks_ai",
                "openrouter",
                "cerebras",
                "together_ai",
                "perplexity",
                "z_ai",
                "minimax",
                "dashscope",
            }
        ),
        pattern=re.compile(r""),
        has_published_lifetime=False,
        max_requests_per_minute=None,
        source="the providers' documentation: a prompt cache without a promised lifetime",
        checked="2026-11-25",
    ),
)

UNKNOWN_POLICY = CachePolicy(
    family="unknown",
    providers=frozenset(),
    pattern=re.compile(r""),
    has_published_lifetime=False,
    max_requests_per_minute=None,
    source="no rule is known: what the provider reports is taken as it is",
)

_STATEABLE = ("has_cache", "minimum_tokens", "step_tokens", "has_exact_boundaries", "lifetime_seconds",
              "max_requests_per_minute")  # fmt: skip

_MOST = 1_000_000_000
"""No number of tokens, seconds or requests is larger; so infinities are none, and sums with floats stay exact."""


def policy_for(
    provider: str,
    model: str,
    asked: str | None = None,
    *,
    stated: Mapping[str, Mapping[str, Any]] | None = None,
) -> CachePolicy:
    """Find the first rule about a model, or `UNKNOWN_POLICY`, which excludes nothing.

    Args:
        provider: A value of `gen_ai.provider.name`.
        model: The model's id.
        asked: The name by which the model was asked for, such as an alias or an Azure deployment.
        stated: What a user knows better, as `check_policies` accepts it; `*` stands for all other models.
    """
    policy = next((policy for policy in POLICIES if policy.applies_to(provider, model)), UNKNOWN_POLICY)
    own = (stated.get(model) or stated.get(asked or "") or stated.get("*")) if stated else None
    if not own:
        return policy
    has_lifetime = policy.has_published_lifetime or "lifetime_seconds" in own
    return replace(
        policy, family=model, source="stated by the user", has_published_lifetime=has_lifetime, **own
    )


def check_policies(stated: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Accept policies that a user states: by model, the members of `CachePolicy` that differ.

    Raises:
        InvalidPolicyError: A member is unknown or its value is not allowed.
    """
    kinds = {each.name: str(each.type) for each in fields(CachePolicy)}
    for model, members in stated.items():
        for name, value in members.items():
            where = f"policies: {named(model)}: {named(name)}"
            if name not in _STATEABLE:
                raise InvalidPolicyError(f"{where} is not a rule: allowed are {', '.join(_STATEABLE)}")
            is_flag = kinds[name] == "bool"
            if is_flag and not isinstance(value, bool):
                raise InvalidPolicyError(f"{where} is {quoted(value)}: expected true or false")
            is_count = name.endswith("_tokens")
            if is_count and (type(value) is not int or not 1 <= value <= _MOST):
                raise InvalidPolicyError(
                    f"{where} is {quoted(value)}: expected a whole number above 0, at most {_MOST:,}"
                )
            if not is_flag and not is_count and (type(value) not in (int, float) or not 0 < value <= _MOST):
                raise InvalidPolicyError(
                    f"{where} is {quoted(value)}: expected a number above 0, at most {_MOST:,}"
                )
    return stated
