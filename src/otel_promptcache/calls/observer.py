"""What all calls of one instrumented application share, and how a call begins."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from otel_promptcache.calls.awaited import AwaitedAnswers
from otel_promptcache.calls.call import Call
from otel_promptcache.calls.endings import Endings
from otel_promptcache.calls.fetch import Exchange, Fetch
from otel_promptcache.calls.shared import ObservedRun, Shared
from otel_promptcache.core.memory.accounts import Accounts
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.money.usage import InvalidUsageError
from otel_promptcache.core.prompt.chain import PromptHasher
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.prompt.segments import HashValue
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.prices import Prices
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.providers.reported import CachedCountReporters
from otel_promptcache.providers.resolution import Providers
from otel_promptcache.telemetry.emitter import Emitter
from otel_promptcache.telemetry.spans import is_suppressed
from otel_promptcache.wire.anthropic.frames import MalformedFrameError
from otel_promptcache.wire.body import DocumentTooLongError
from otel_promptcache.wire.routes import fetched_response_id, wire_format

_logger = logging.getLogger("otel_promptcache")

_POLICIES = 1_024
"""Models whose rules are remembered."""

WIRE_FAULTS = (
    InvalidUsageError,
    DocumentTooLongError,
    MalformedFrameError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    zlib.error,
    RecursionError,
)
"""What a malformed response raises in our code."""


class Observer:
    """Turns what the patches see into calls, and calls into telemetry. One for each `instrument()`."""

    def __init__(  # noqa: PLR0913  # parts and settings, each by its name
        self,
        *,
        guard: Guard,
        emitter: Emitter,
        prices: Prices,
        fingerprinter: Fingerprinter,
        policies: Mapping[str, Mapping[str, Any]],
        hosts: Mapping[str, str],
        stream_usage: bool,
        request_diagnostics: float,
        endings: Endings,
        path_names: bool,
        run: ObservedRun | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        self.guard = guard
        self.endings = endings
        shared = fleet or run
        self.hash_value: HashValue = hash if shared is None else shared.hash_value
        """Hashes accounts and settings."""
        self._shared = Shared(
            guard=guard,
            emitter=emitter,
            prices=prices,
            fingerprinter=fingerprinter,
            hasher=PromptHasher(),
            index=PrefixIndex(),
            accounts=Accounts(),
            providers=Providers(hosts),
            reporters=CachedCountReporters(),
            policy_of=lru_cache(_POLICIES)(partial(policy_for, stated=policies)),
            stream_usage=stream_usage,
            request_diagnostics=request_diagnostics,
            endings=endings,
            path_names=path_names,
            fleet=fleet,
            explain_missing_usage=self._explain_missing_usage,
            hash_value=self.hash_value,
            run=run,
        )
        self._awaited: AwaitedAnswers[Call] = AwaitedAnswers()
        self._explained_missing_usage = False

    @guarded
    def begin(self, method: str, url: str) -> Exchange | None:
        """Start a call, or the fetch of an answer; None if a request is neither, or instrumentation is suppressed."""
        wire = wire_format(method, url)
        if wire is None:
            response_id = fetched_response_id(method, url) if self._awaited else None
            return Fetch(self._shared, self._awaited, response_id) if response_id else None
        if is_suppressed():
            return None
        self.endings.run_pending()
        return Call(self._shared, wire, self._awaited)

    def _explain_missing_usage(self) -> None:
        """Log once how to make a chat stream report its usage."""
        if not self._explained_missing_usage:
            self._explained_missing_usage = True
            _logger.warning(
                "A chat stream ended without usage, so its cache result is unknown. Pass "
                "stream_options={'include_usage': True} with the request, or set stream_usage=True "
                "(OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE=true) to have it added. This is logged once."
            )
