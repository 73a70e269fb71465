"""The names of exceptions in telemetry."""

from __future__ import annotations

_STATUS_ERROR = "HTTPStatusError"
"""Raised by an HTTP library for any bad status."""
_OTHER = "_OTHER"
"""OpenTelemetry's value for an error without a name that may be exported."""
_KNOWN_PACKAGES = frozenset(
    {
        "aiohttp", "anthropic", "anyio", "asyncio", "boto3", "botocore", "builtins", "concurrent", "google", "h11",
        "h2", "httpcore", "httpx", "httpx2", "json", "litellm", "openai", "pydantic", "pydantic_core", "requests",
        "opentelemetry", "otel_promptcache", "socket", "ssl", "trio", "urllib", "urllib3", "websockets", "zlib",
    }
)  # fmt: skip
"""Those whose errors a call may end with, or our own code may raise. Any other name was made up by the application."""


def error_name(error: Exception) -> str:
    """The name of an exception, or of its nearest known base; or the status, if it stands for nothing else."""
    if any(kind.__name__ == _STATUS_ERROR for kind in type(error).__mro__):
        status: object = getattr(getattr(error, "response", None), "status_code", None)
        if type(status) is int:
            return str(status)
    for kind in type(error).__mro__:
        if kind.__module__.partition(".")[0] in _KNOWN_PACKAGES:
            return kind.__qualname__ if kind not in (Exception, BaseException) else _OTHER
    return _OTHER
