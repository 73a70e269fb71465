"""What all calls of one instrumented application share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otel_promptcache.core.memory.accounts import Accounts
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.endings import Endings
from otel_promptcache.guard import Guard
from otel_promptcache.prices import Prices
from otel_promptcache.providers.reported import CachedCountReporters
from otel_promptcache.providers.resolution import Providers
from otel_promptcache.telemetry.emitter import Emitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The parts that the composition root put together, and the settings that a call asks for."""

    guard: Guard
    emitter: Emitter
    prices: Prices
    fingerprinter: Fingerprinter
    hasher: PromptHasher
    index: PrefixIndex
    accounts: Accounts
    providers: Providers
    reporters: CachedCountReporters
    policy_of: Callable[[str, str, str | None], CachePolicy]
    """The rules by provider, model and the name by which the model was asked for."""
    stream_usage: bool
    request_diagnostics: float
    """Share of requests that are to ask the provider for its diagnostics."""
    endings: Endings
    path_names: bool
    """Paths may have the names that the application gave to members of JSON values."""
    explain_missing_usage: Callable[[], None]
