"""What is known of one provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from otel_promptcache.core.policy import CachePolicy

PROMPT_CACHE = CachePolicy(
    family="other providers with a prompt cache",
    pattern=re.compile(r""),
    source="the providers' documentation: a prompt cache without a promised lifetime",
    checked="2026-11-25",
)
"""What holds if it is documented that there is a cache, and no more: what was just read is read again."""


IN_DETAILS = "usage.prompt_tokens_details.cached_tokens"
"""Where OpenAI has the cached tokens; on the Responses API, in the details of the input."""


class AbsentCount(Enum):
    """What it means that an answer does not say how much of its input was cached."""

    UNKNOWN = "unknown"
    """Nothing: a zero is reported as one."""
    ZERO_ONCE_REPORTED = "zero once reported"
    """A zero, if the host has reported a count for the model before; until then it is unknown."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Where the prices of a provider stand, and what of its bills they do not tell."""

    table_id: str
    """The provider's id in genai-prices."""
    model_prefixes: tuple[str, ...] = ()
    """What may stand in front of a model's id that the list does not have."""
    standard_tiers: frozenset[str] = frozenset()
    """Further service tiers that are billed at the standard price."""
    other_hosts: tuple[str, ...] = ()
    """Ends of the names of hosts that bill by another list."""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """By the tier, what the list calls a variant of a price if not by `service_tier`."""
    goes_by_requested_model: bool = False
    """The price is that of the id that was asked for; the answer names the model without its region."""
    incomplete: re.Pattern[str] | None = None
    """Found in the ids of models that are listed, but not with all that is billed for them."""
    lists_all_discounts: bool = False
    """A model without a cached rate has no discount. In other lists the rate may just be missing."""


@dataclass(frozen=True, slots=True)
class AffinityHint:
    """What a request can say so that it gets to the machine that has its prefix."""

    name: str
    is_header: bool = False
    """A header; otherwise a member of the body."""
    api_type: str | None = None
    """`openai.api.type` of the only API that reads it; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A provider: where it answers and by which rules. None and empty stand for what is not known or not there.

    Source: as in `source` (checked as in `checked`); that of a policy is its own.
    """

    name: str
    """`gen_ai.provider.name`, if the conventions have one for it."""
    domains: tuple[str, ...] = ()
    """Ends of host names. Software that people run themselves has none."""
    pattern: re.Pattern[str] | None = None
    """Matches hosts that no end of a name tells, such as regional ones."""
    platform: str | None = None
    """The word of an SDK's client that is made for it alone.

    Source: openai 3.57.0, `lib/azure.py`, `providers/bedrock.py`, `providers/vertex.py` (checked 2026-11-25).
    """
    prices: PriceList | None = None
    """None: never priced."""
    policies: tuple[CachePolicy, ...] = ()
    """The first that applies to a model holds; if none does, nothing is known of it."""
    cached_at: tuple[str, ...] = (IN_DETAILS,)
    """Where a chat answer has the cached tokens; the input includes them."""
    absent_count: AbsentCount = AbsentCount.ZERO_ONCE_REPORTED
    affinity: tuple[AffinityHint, ...] = ()
    advice: str = ""
    """What else keeps the requests of a conversation on one machine, in whole sentences."""
    answers_why: bool = False
    """A request can ask why its prompt is not read from the cache."""
    answers_no_why_at: re.Pattern[str] | None = None
    """Matches hosts where it cannot."""
    source: str
    checked: str = "2026-11-25"

    @property
    def is_self_hosted(self) -> bool:
        """People run it themselves, so only the setting `hosts` tells where it answers."""
        return not self.domains and self.pattern is None

    def serves(self, host: str) -> bool:
        """Whether it answers at a host."""
        is_matched = self.pattern is not None and self.pattern.fullmatch(host) is not None
        return is_matched or any(host == domain or host.endswith(f".{domain}") for domain in self.domains)
