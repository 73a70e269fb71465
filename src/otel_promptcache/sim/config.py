"""The simulator's configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import get_args

from otel_promptcache.sim.cache.models import SERVICE_TIERS
from otel_promptcache.sim.faults import FaultRule
from otel_promptcache.sim.servers.profiles import SERVERS, ServerName
from otel_promptcache.sim.servers.reporting import PROFILES, SHAPES, Profile, UsageShape


@dataclass(frozen=True, slots=True, kw_only=True)
class SimConfig:
    """The simulator's settings. The defaults are the provider's documented behaviour, sped up.

    Attributes:
        server: The server to simulate: its cache, and how it reports cached tokens. Servers other than OpenAI have
            one cache for all requests, without machines or overflow.
        cache_report: Whether a server that reports cached tokens only if a flag is set was started with that flag.
        profile: Overrides how the server reports usage. None: the server's own way.
        seed: Seed for everything random.
        machines: Number of machines requests are routed to, each with its own cache.
        overflow_requests_per_minute: How many requests with the same start or key one machine takes per minute.
            Further ones go to a cold machine. None: no overflow. The provider says "approximately 15".
        warm_up_seconds: How long after its write a prefix becomes readable.
        unexplained_miss_rate: Share of requests that read nothing for no visible reason, 0 to 1.
        prefill_seconds_per_1k_tokens: Real time before the first token, per thousand uncached input tokens.
        decode_seconds_per_token: Real time per output token.
        slow_seconds: How much longer the `slow` fault takes.
        output_tokens: Length of a text answer, unless the request allows less.
        reasoning_tokens: Hidden reasoning before each answer of a Responses or Chat Completions request.
        zero_data_retention: Changes the default retention of older models to `in_memory`.
        known_models_only: Answer 404 for model names no family matches.
        resolve_model_aliases: Answer `gpt-4o` with its dated snapshot in `model`, as the API does.
        deployments: Model behind each Azure deployment name. A name not listed is taken as a model name.
        tier_downgrades: Maps a service tier to the one that serves it instead, such as `priority` to `default`.
        require_api_key: Answer 401 without a key; any key will do.
        reject_ttl_with_retention: Answer 400 if a request sets both; sources disagree whether the API does.
        diagnostics_enabled: Whether requests for cache diagnostics are answered.
        diagnostics_retention_seconds: How long a response can be compared against. An assumption.
        faults: Faults drawn for every request; see `FAULTS`.
        max_requests: How many requests are kept for inspection.
        max_responses: How many stored responses are kept, and how many can be compared against.
        max_cache_entries: How many prefixes or pages are kept; the least recently used are evicted first.

    Raises:
        ValueError: A value is out of its range; the message names the field, the value and the range.
    """

    server: ServerName = "openai"
    cache_report: bool = False
    profile: Profile | None = None
    seed: int = 0
    machines: int = 16
    overflow_requests_per_minute: int | None = 15
    warm_up_seconds: float = 0.0
    unexplained_miss_rate: float = 0.0
    prefill_seconds_per_1k_tokens: float = 0.01
    decode_seconds_per_token: float = 0.0005
    slow_seconds: float = 1.0
    output_tokens: int = 16
    reasoning_tokens: int = 0
    zero_data_retention: bool = False
    known_models_only: bool = False
    resolve_model_aliases: bool = True
    deployments: Mapping[str, str] = field(default_factory=dict[str, str])
    tier_downgrades: Mapping[str, str] = field(default_factory=dict[str, str])
    require_api_key: bool = True
    reject_ttl_with_retention: bool = False
    diagnostics_enabled: bool = True
    diagnostics_retention_seconds: float = 24 * 3600.0
    faults: tuple[FaultRule, ...] = ()
    max_requests: int = 1000
    max_responses: int = 1000
    max_cache_entries: int = 200_000

    def __post_init__(self) -> None:
        if self.server not in get_args(ServerName):
            raise ValueError(f"SimConfig.server={self.server!r}: must be one of {', '.join(SERVERS)}")
        if self.cache_report and SERVERS[self.server].usage_without_flag is None:
            raise ValueError(f"SimConfig.cache_report={self.cache_report!r}: must be False for {self.server}")
        if self.profile is not None and self.profile not in get_args(Profile):
            raise ValueError(f"SimConfig.profile={self.profile!r}: must be one of {', '.join(PROFILES)}")
        if self.unexplained_miss_rate > 1:
            raise ValueError(
                f"SimConfig.unexplained_miss_rate={self.unexplained_miss_rate!r}: must be from 0 to 1"
            )
        self._require_known_tiers()
        if any(type(rule) is not FaultRule for rule in self.faults):
            raise ValueError(f"SimConfig.faults={self.faults!r}: must be a tuple of FaultRule")
        for name in ("machines", "max_requests", "max_responses", "max_cache_entries"):
            self._require_at_least(name, 1)
        if self.overflow_requests_per_minute is not None:
            self._require_at_least("overflow_requests_per_minute", 1)
        for one in fields(self):
            if one.name.endswith(("_seconds", "_per_1k_tokens", "_per_token", "_tokens", "_rate")):
                self._require_at_least(one.name, 0)

    @property
    def usage_shape(self) -> UsageShape:
        """How cached tokens are reported."""
        if self.profile is not None:
            return SHAPES[self.profile]
        server = SERVERS[self.server]
        return server.usage if self.cache_report else server.usage_without_flag or server.usage

    def _require_known_tiers(self) -> None:
        served = set(SERVICE_TIERS.values())
        if not served.issuperset([*self.tier_downgrades, *self.tier_downgrades.values()]):
            allowed = ", ".join(sorted(served))
            raise ValueError(f"SimConfig.tier_downgrades={self.tier_downgrades!r}: must be among {allowed}")

    def _require_at_least(self, name: str, minimum: float) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not minimum <= value < math.inf:
            raise ValueError(f"SimConfig.{name}={value!r}: must be a finite number >= {minimum}")
