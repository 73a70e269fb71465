"""Makes OpenAI prompt caching visible: `instrument()` once, and every call has spans and metrics."""

from __future__ import annotations

from typing import Any

from otel_promptcache.config import Config
from otel_promptcache.instrumentor import PromptCacheInstrumentor
from otel_promptcache.prefix import prefix
from otel_promptcache.version import __version__

__all__ = ["Config", "PromptCacheInstrumentor", "__version__", "instrument", "prefix", "uninstrument"]


def instrument(**settings: Any) -> None:
    """Observe every inference made through the SDKs of OpenAI and Anthropic in this process, by existing clients, too.

    Args:
        **settings: `tracer_provider` and `meter_provider`, where the global ones are not meant, and the
            settings of `Config`, which also have environment variables (`OTEL_PYTHON_PROMPTCACHE_*`).

    Raises:
        ValueError: A setting is unknown or its value is not allowed.
    """
    PromptCacheInstrumentor().instrument(**settings)


def uninstrument() -> None:
    """Stop observing; the SDK behaves as it did before."""
    PromptCacheInstrumentor().uninstrument()
