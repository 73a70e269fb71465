"""What all calls of one instrumented application share, and how a call begins."""

from __future__ import annotations

import json
import logging
import queue
import random
import zlib
from collections.abc import Mapping
from typing import Any

from otel_promptcache.call import Call
from otel_promptcache.core.fingerprint import Fingerprinter
from otel_promptcache.core.index import PrefixIndex
from otel_promptcache.core.usage import InvalidUsageError
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.prices import Prices
from otel_promptcache.providers.body import DocumentTooLongError
from otel_promptcache.providers.registry import wire_format
from otel_promptcache.telemetry.emitter import Emitter
from otel_promptcache.telemetry.spans import is_suppressed

_logger = logging.getLogger("otel_promptcache")

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
        policies: Mapping[str, Mapping[str, Any]] | None = None,
        stream_usage: bool = False,
        request_diagnostics: float = 0.0,
    ) -> None:
        self.guard = guard
        self.emitter = emitter
        self.prices = prices
        self.fingerprinter = fingerprinter
        self.index = index
        self.policies = policies
        self.stream_usage = stream_usage
        self._request_diagnostics = request_diagnostics
        self._handed_over: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._explained_missing_usage = False

    @guarded
    def begin(self, method: str, url: str) -> Call | None:
        """Start a call; None where the request is no inference or nothing is to be instrumented."""
        wire = wire_format(method, url)
        if wire is None or is_suppressed():
            return None
        self.end_handed_over()
        return Call(self, wire)

    def draws_request_diagnostics(self) -> bool:
        """Whether this request is one of those that are to ask the provider for its diagnostics."""
        return random.random() < self._request_diagnostics  # noqa: S311  # a sample, no secret

    def hand_over(self, call: Call) -> None:
        """Take a call that the garbage collector may be ending; it is ended later, from a safe place.

        The collector may run anywhere, also while this very thread holds a lock of the OpenTelemetry SDK.
        """
        self._handed_over.put(call)

    def end_handed_over(self) -> None:
        """End the calls that were handed over."""
        while not self._handed_over.empty():
            try:
                call = self._handed_over.get_nowait()
            except queue.Empty:  # another thread was faster
                return
            call.end()

    def explain_missing_usage(self) -> None:
        """Say once how a chat stream gets to report its usage."""
        if not self._explained_missing_usage:
            self._explained_missing_usage = True
            _logger.warning(
                "A chat stream ended without usage, so its cache result is unknown. Pass "
                "stream_options={'include_usage': True} with the request, or set stream_usage=True "
                "(OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE=true) to have it added. Said once."
            )
