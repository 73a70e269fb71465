"""The kinds of memory of a fleet's processes: their own only, a shared file, or a running Redis."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.fleet.pace import AsItDoes, AtOnce, Clock, Pace, RunningClock, VirtualClock, Watched
from benchmarks.fleet.process import ClientProcess, Process
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet, Runner
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import Batch, FleetStore, Query
from otel_promptcache.fleet.stores.redis_store import RedisStore
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from otel_promptcache.fleet.worker import Worker

REDIS_VARIABLE = "FLEET_REDIS"
"""Environment variable with the URL of a Redis for the `redis` memories."""
_runs = count()


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """Queries and updates the store synchronously, so that nothing depends on the speed of the machine."""

    store: FleetStore

    def submit(self, call: FleetCall, is_urgent: bool) -> None:  # noqa: ARG002, FBT001  # the protocol's
        """Run the next operation of the call."""
        operation = call.next_operation()
        if isinstance(operation, Query):
            (found,) = self.store.run(Batch([operation])).found
            if found is None or not call.found(found):
                raise RuntimeError("the store was of no use")
        elif operation is not None:
            (lacks_segments,) = self.store.run(Batch([], [operation])).written
            if lacks_segments is None:
                raise RuntimeError("the store refused an update")
            call.written(lacks_segments=lacks_segments)

    def flush(self) -> bool:
        """Nothing is ever pending."""
        return True

    def stop(self) -> None:
        """Do nothing: nothing runs."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the processes of one run."""

    start: Callable[[], Process]
    """Starts a process."""
    pace: Pace = field(default_factory=AtOnce)
    stop: Callable[[], None] = lambda: None
    """Stops what runs in the background."""


def _alone() -> Memory:
    return Memory(ClientProcess)


def _in_a_file() -> Memory:
    """All processes of a run share a file, each with its own connection."""
    memory = Path("/dev/shm")  # noqa: S108  # a private folder is made in it
    folder = tempfile.mkdtemp(prefix="promptcache-", dir=memory if memory.is_dir() else None)
    clock = VirtualClock()
    return Memory(lambda: _process(_AtOnce(SqliteStore(str(Path(folder) / "fleet.db"), clock)), clock))


def _in_redis() -> Memory:
    """All processes of a run share a namespace, each with its own connection."""
    url, namespace, clock = _redis_url(), _namespace(), VirtualClock()
    return Memory(lambda: _process(_AtOnce(RedisStore(url, namespace, clock)), clock))


def _in_redis_in_background() -> Memory:
    """As in an application: a thread per process talks to the store, so answers may come too late."""
    url, namespace, clock = _redis_url(), _namespace(), RunningClock()
    pace = AsItDoes(clock)

    def start() -> Process:
        worker = Worker(RedisStore(url, namespace, clock), _count, _raise, url)
        pace.workers.append(Watched(worker, clock))
        return _process(pace.workers[-1], clock)

    def stop() -> None:
        for each in pace.workers:
            each.stop()

    return Memory(start, pace, stop)


def _redis_url() -> str:
    if url := os.environ.get(REDIS_VARIABLE):
        return url
    raise SystemExit(
        f"{REDIS_VARIABLE} is not set: it names the Redis to use, such as unix:///run/redis.sock"
    )


def _process(runner: Runner, clock: Clock) -> Process:
    return ClientProcess(Fleet(runner, FleetMemory("benchmark", clock=clock)), clock)


def _namespace() -> str:
    return f"benchmark-{os.getpid()}-{next(_runs)}"


def _count(outcome: str, _: int) -> None:
    if outcome in ("dropped", "failed"):  # each request itself tells whether it was late
        raise RuntimeError(f"an operation on the store was {outcome}")


def _raise(_: str, error: Exception) -> None:
    raise error


MEMORIES: Mapping[str, Callable[[], Memory]] = {
    "process": _alone,
    "file": _in_a_file,
    "redis": _in_redis,
    "redis-in-background": _in_redis_in_background,
}
