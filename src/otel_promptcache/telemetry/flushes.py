"""Lets pending work finish before the application's providers flush."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider, get_tracer_provider

_FLUSH = "force_flush"


class Flushes:
    """Calls back before a provider flushes, as a serverless handler makes it do.

    OpenTelemetry has no hook for that: span processors are flushed in the order in which they were added. So the
    method is replaced on the provider object itself.

    Args:
        tracer_provider: None for the global one, which may be set at any time.
        meter_provider: The one that is in use.
    """

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider) -> None:
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._followed: dict[int, tuple[object, Callable[..., Any]]] = {}
        """Providers and what took the place of their method, by the identity of the provider."""

    def follow(self, before: Callable[[], None]) -> None:
        """Have `before` called before each flush from now on; a second call does nothing."""
        for provider in (self._tracer_provider or get_tracer_provider(), self._meter_provider):
            if id(provider) not in self._followed:
                self._follow(provider, before)

    def restore(self) -> None:
        """Put the methods back; one that was replaced in the meantime stays."""
        for provider, hooked in self._followed.values():
            if vars(provider).get(_FLUSH) is hooked:
                delattr(provider, _FLUSH)
        self._followed.clear()

    def _follow(self, provider: object, before: Callable[[], None]) -> None:
        flush = getattr(provider, _FLUSH, None)
        if flush is None or _FLUSH in getattr(provider, "__dict__", {_FLUSH: None}):
            return  # it cannot flush, or it is not ours to change

        @functools.wraps(flush)
        def flush_after(*args: Any, **kwargs: Any) -> Any:
            before()
            return flush(*args, **kwargs)

        with contextlib.suppress(AttributeError):
            setattr(provider, _FLUSH, flush_after)
            self._followed[id(provider)] = (provider, flush_after)
