"""What the processes of a fleet may remember by: nothing but their own, a file, or a Redis that is running."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.fleet.process import ClientProcess, Clock, Memory, Process
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.store import Batch, FleetStore, Query
from otel_promptcache.fleet.stores.redis_store import RedisStore
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore

REDIS_VARIABLE = "FLEET_REDIS"
"""Names the URL of a Redis for the memory `redis`."""
_runs = count()


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """Asks and tells the store at once, so that nothing depends on how fast the machine is."""

    store: FleetStore

    def submit(self, call: FleetCall, is_urgent: bool) -> None:  # noqa: ARG002, FBT001  # the protocol's
        """Do what the call wants."""
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
        """Nothing is ever left."""
        return True

    def stop(self) -> None:
        """Nothing runs."""


def _alone() -> Callable[[], Process]:
    return ClientProcess


def _in_a_file() -> Callable[[], Process]:
    """All processes of a run share a file, each with a connection of its own."""
    memory = Path("/dev/shm")  # noqa: S108  # in it a folder of its own
    folder = tempfile.mkdtemp(prefix="promptcache-", dir=memory if memory.is_dir() else None)
    return _sharing(lambda clock: SqliteStore(str(Path(folder) / "fleet.db"), clock))


def _in_redis() -> Callable[[], Process]:
    """All processes of a run share a namespace, each with a connection of its own."""
    namespace, url = f"benchmark-{os.getpid()}-{next(_runs)}", os.environ[REDIS_VARIABLE]
    return _sharing(lambda clock: RedisStore(url, namespace, clock))


def _sharing(open_store: Callable[[Clock], FleetStore]) -> Callable[[], Process]:
    clock = Clock()

    def start() -> Process:
        fleet = Fleet(_AtOnce(open_store(clock)), FleetMemory("benchmark", clock=clock))
        return ClientProcess(fleet, clock)

    return start


MEMORIES: Mapping[str, Memory] = {"process": _alone, "file": _in_a_file, "redis": _in_redis}
