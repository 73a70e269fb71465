"""What all calls of one instrumented application share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from otel_promptcache.calls.endings import Endings
from otel_promptcache.core.memory.accounts import Accounts
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter, PrefixIdentity
from otel_promptcache.core.prompt.segments import HashValue
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.guard import Guard
from otel_promptcache.prices import Prices
from otel_promptcache.providers.reported import CachedCountReporters
from otel_promptcache.providers.resolution import Providers
from otel_promptcache.telemetry.emitter import Emitter
from otel_promptcache.telemetry.exportable import Attributes


class ObservedRun(Protocol):
    """The run of a program whose processes are observed together, for one report about all of them."""

    def hash_value(self, value: object) -> int:
        """Hash what is known of an account or a setting, equally in all processes of the run."""
        ...

    def attributes(
        self,
        prefix: PrefixIdentity,
        account: int,
        sent: SentPrompt,
        policy: CachePolicy,
        processed_seconds: float,
    ) -> Attributes:
        """What the report needs to know about a prompt that the provider has processed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The parts that the composition root assembled, and the settings that a call needs."""

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
    """The rules by provider, model and the name by which the model was requested."""
    stream_usage: bool
    request_diagnostics: float
    """Share of requests that ask the provider for its diagnostics."""
    endings: Endings
    fleet: Fleet | None
    """The memory that processes share; None if there is none."""
    path_names: bool
    """Paths may contain the names that the application gave to members of JSON values."""
    explain_missing_usage: Callable[[], None]
    hash_value: HashValue
    """Hashes accounts and settings."""
    run: ObservedRun | None
    """None unless the process is observed for a report."""
