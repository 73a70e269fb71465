"""What the simulator remembers of each request, for a test to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otel_promptcache.sim.cache.cache import CacheRead
from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.wire import JsonObject
from otel_promptcache.sim.messages.cache import MessagesRead


@dataclass(slots=True)
class RecordedRequest:
    """A request as it arrived, and what became of it.

    The latter is filled in while the request is served, in another thread.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        query: Query parameters.
        headers: Names in lower case.
        received_seconds: When it arrived, by the simulator's clock.
        body: The JSON object that was sent; None without one.
        faults: What befell it.
        status_code: HTTP status answered; None while it is in progress.
        usage: What the client was told, faults included; None if it was told nothing, as in a chat stream
            without `include_usage`.
        cache: What the cache really did, without its `writes`; None for a request that does not reach it.
        completed: Whether the answer was sent to its regular end.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    received_seconds: float
    body: JsonObject | None = None
    faults: frozenset[Fault] = frozenset()
    status_code: int | None = None
    usage: Any = None
    cache: CacheRead | MessagesRead | None = None
    completed: bool = False
