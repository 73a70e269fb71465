"""Makes prompt caching visible: call `instrument()` once, and every call gets spans and metrics."""

from __future__ import annotations

import sys

if sys.version_info < (3, 10):  # noqa: UP036  # run from source: older Pythons cannot parse what is imported below
    _version = ".".join(map(str, sys.version_info[:2]))
    raise ImportError(f"otel-promptcache needs Python 3.10 or newer; {sys.executable} is Python {_version}")

from typing import Any

from otel_promptcache.config import Config
from otel_promptcache.instrumentor import PromptCacheInstrumentor, check_settings
from otel_promptcache.prefix import prefix
from otel_promptcache.version import __version__

__all__ = ["Config", "PromptCacheInstrumentor", "__version__", "instrument", "prefix", "uninstrument"]


def instrument(**settings: Any) -> None:
    """Observe requests that generate text through the SDKs of OpenAI, Anthropic and LiteLLM, also by existing clients.

    In a process that is already observed it changes nothing, and OpenTelemetry logs a warning: call `uninstrument()`
    first to use other settings. Their names and types are checked all the same, what prices, policies and addresses
    say is not.

    Args:
        **settings: `tracer_provider` and `meter_provider`, if not the global ones, and the settings of `Config`,
            which can also be set by environment variables (`OTEL_PYTHON_PROMPTCACHE_*`).

    Raises:
        ValueError: A setting is unknown or its value is not allowed.
    """
    instrumentor = PromptCacheInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        check_settings(settings)
    instrumentor.instrument(**settings)


def uninstrument() -> None:
    """Stop observing; the SDK behaves as it did before."""
    PromptCacheInstrumentor().uninstrument()
