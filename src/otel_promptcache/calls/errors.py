"""The names of exceptions in telemetry."""

from __future__ import annotations

_STATUS_ERROR = "HTTPStatusError"
"""Raised by an HTTP library for any bad status."""


def error_name(error: Exception) -> str:
    """The name of an exception; or the status, if the exception stands for nothing else."""
    if any(kind.__name__ == _STATUS_ERROR for kind in type(error).__mro__):
        status: object = getattr(getattr(error, "response", None), "status_code", None)
        if type(status) is int:
            return str(status)
    return type(error).__qualname__
