"""What the simulator keeps of each request, for tests to inspect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otel_promptcache.sim.cache.cache import CacheRead
from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.wire import JsonObject
from otel_promptcache.sim.messages.cache import MessagesRead


@dataclass(slots=True)
class RecordedRequest:
    """A request as it arrived, and its outcome.

    The outcome is filled in while the request is served, in a different thread.

    Attributes:
        method: HTTP method.
        path: Path without the query.
        query: Query parameters.
        headers: Names in lower case.
        received_seconds: When it arrived, by the simulator's clock.
        body: The JSON object that was sent; None without one.
        faults: The faults that hit it.
        status_code: HTTP status of the answer; None while it is in progress.
        usage: The usage sent to the client, faults included; None if none was sent, as in a chat stream
            without `include_usage`.
        cache: What the cache actually did, without its `writes`; None for a request that does not reach it.
        completed: Whether the whole answer was sent.
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
