"""What all calls of one instrumented application share, and how a call begins."""

from __future__ import annotations

import json
import logging
import queue
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from otel_promptcache.call import Call
from otel_promptcache.core.chain import PromptHasher
from otel_promptcache.core.fingerprint import Fingerprinter
from otel_promptcache.core.index import PrefixIndex
from otel_promptcache.core.policy import policy_for
from otel_promptcache.core.usage import InvalidUsageError
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.prices import Prices
from otel_promptcache.providers.body import DocumentTooLongError
from otel_promptcache.providers.registry import wire_format
from otel_promptcache.shared import Shared
from otel_promptcache.telemetry.emitter import Emitter
from otel_promptcache.telemetry.spans import is_suppressed

_logger = logging.getLogger("otel_promptcache")

_POLICIES = 1_024
"""Models of which it is remembered what the rules say."""

WIRE_FAULTS = (
    InvalidUsageError,
    DocumentTooLongError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    zlib.error,
    RecursionError,
)
"""What a malformed response raises in us."""


class Observer:
    """Turns what the patches see into calls, and calls into telemetry. One for each `instrument()`."""

    def __init__(
        self,
        *,
        guard: Guard,
        emitter: Emitter,
        prices: Prices,
        fingerprinter: Fingerprinter,
        index: PrefixIndex,
        policies: Mapping[str, Mapping[str, Any]],
        stream_usage: bool,
        request_diagnostics: float,
    ) -> None:
        self.guard = guard
        self._shared = Shared(
            guard=guard,
            emitter=emitter,
            prices=prices,
            fingerprinter=fingerprinter,
            hasher=PromptHasher(),
            index=index,
            policy_of=lru_cache(_POLICIES)(partial(policy_for, stated=policies)),
            stream_usage=stream_usage,
            request_diagnostics=request_diagnostics,
            may_add=stream_usage or request_diagnostics > 0,
            run_later=self.run_later,
            explain_missing_usage=self._explain_missing_usage,
        )
        self._pending: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._explained_missing_usage = False

    @guarded
    def begin(self, method: str, url: str) -> Call | None:
        """Start a call; None where the request is no inference or nothing is to be instrumented."""
        wire = wire_format(method, url)
        if wire is None or is_suppressed():
            return None
        self.run_pending()
        return Call(self._shared, wire)

    def run_later(self, action: Callable[[], None]) -> None:
        """Keep something to be done by `run_pending`: the end of a call that the garbage collector may be ending.

        The collector may run anywhere, also while this very thread holds a lock of the OpenTelemetry SDK.
        """
        self._pending.put(action)

    def run_pending(self) -> None:
        """Do what was kept."""
        while not self._pending.empty():
            try:
                action = self._pending.get_nowait()
            except queue.Empty:  # another thread was faster
                return
            action()

    def _explain_missing_usage(self) -> None:
        """Say once how a chat stream gets to report its usage."""
        if not self._explained_missing_usage:
            self._explained_missing_usage = True
            _logger.warning(
                "A chat stream ended without usage, so its cache result is unknown. Pass "
                "stream_options={'include_usage': True} with the request, or set stream_usage=True "
                "(OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE=true) to have it added. Said once."
            )
