"""What is known about one provider."""

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
"""Applies if the documentation says only that there is a cache: what was just read is read again."""


IN_DETAILS = "usage.prompt_tokens_details.cached_tokens"
"""Where OpenAI reports cached tokens; the Responses API reports them in the details of the input."""


class AbsentCount(Enum):
    """What it means if an answer does not say how much of its input was cached."""

    UNKNOWN = "unknown"
    """Nothing: this provider reports zeros explicitly."""
    ZERO_ONCE_REPORTED = "zero once reported"
    """A zero, if the host has reported a count for the model before; unknown until then."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Where a provider's prices are listed, and what the list leaves out."""

    table_id: str
    """The provider's id in genai-prices."""
    model_prefixes: tuple[str, ...] = ()
    """Prefixes of model ids that the list omits."""
    standard_tiers: frozenset[str] = frozenset()
    """Further service tiers that are billed at the standard price."""
    other_hosts: tuple[str, ...] = ()
    """Suffixes of the names of hosts that bill by a different list."""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """How the list names the variant of a price for a tier, if not by `service_tier`."""
    goes_by_requested_model: bool = False
    """The price is that of the requested id, because the answer names the model without its region."""
    incomplete: re.Pattern[str] | None = None
    """Found in the ids of models whose listing omits something that is billed for them."""
    lists_all_discounts: bool = False
    """A model without a cached rate has no discount. In other lists the rate may just be missing."""


@dataclass(frozen=True, slots=True)
class AffinityHint:
    """What a request can state to be routed to the machine that has its prefix."""

    name: str
    is_header: bool = False
    """A header; otherwise a member of the body."""
    api_type: str | None = None
    """`openai.api.type` of the only API that reads it; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A provider: its hosts and its rules. None and empty mean unknown or absent.

    Source: as in `source` (checked as in `checked`); each policy has its own.
    """

    name: str
    """`gen_ai.provider.name`, if the conventions have one for it."""
    domains: tuple[str, ...] = ()
    """Suffixes of host names. Self-hosted software has none."""
    pattern: re.Pattern[str] | None = None
    """Matches hosts that no suffix covers, such as regional ones."""
    platform: str | None = None
    """The SDK's word for it, if the SDK has a client for it alone.

    Source: openai 3.57.0, `lib/azure.py`, `providers/bedrock.py`, `providers/vertex.py` (checked 2026-11-25).
    """
    prices: PriceList | None = None
    """None: never priced."""
    policies: tuple[CachePolicy, ...] = ()
    """The first one that matches a model applies; if none does, nothing is known about the model."""
    cached_at: tuple[str, ...] = (IN_DETAILS,)
    """Where a chat answer reports the cached tokens, which the input includes."""
    absent_count: AbsentCount = AbsentCount.ZERO_ONCE_REPORTED
    affinity: tuple[AffinityHint, ...] = ()
    advice: str = ""
    """What else keeps the requests of a conversation on one machine, in whole sentences."""
    routing_advice: str = ""
    """For a router: what keeps requests on one of the providers behind it, in whole sentences."""
    reports_with: str = ""
    """For self-hosted software: the option that makes it report cached tokens."""
    takes_openai_options: bool = False
    """Requests can use everything that OpenAI's API has, such as `allowed_tools` and `prompt_cache_options`."""
    has_no_cache_for_chats: bool = False
    """Its own models have no prompt cache when called through OpenAI's API."""
    answers_why: bool = False
    """A request can ask why its prompt is not read from the cache."""
    answers_no_why_at: re.Pattern[str] | None = None
    """Matches hosts at which it cannot."""
    source: str
    checked: str = "2026-11-25"

    @property
    def is_self_hosted(self) -> bool:
        """People run it themselves, so only the setting `hosts` tells where it is."""
        return not self.domains and self.pattern is None

    def serves(self, host: str) -> bool:
        """Whether it answers at a host."""
        is_matched = self.pattern is not None and self.pattern.fullmatch(host) is not None
        return is_matched or any(host == domain or host.endswith(f".{domain}") for domain in self.domains)
