"""Where a request goes, as far as caches distinguish requests by it."""

from __future__ import annotations

from dataclasses import dataclass

from otel_promptcache.core.prompt.segments import Settings


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes."""

    host: str
    port: int | None
    path: str
    account: int = 0
    """A hash of the keys, the organisation and the project."""
    settings: Settings = ()
    """Those in headers."""
    platform: str | None = None
    """The SDK's own name of the platform that the client is for; None for a general client."""
