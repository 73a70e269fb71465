"""How time passes in a run: it jumps from event to event, or it is real time while a request is in flight."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Runner

_SETTLE_SECONDS = 0.1
"""By then, urgent operations have been sent, unless the machine is too busy."""
_LOOK_SECONDS = 10.0
"""Within this time, a worker sends operations that are not urgent."""
_FLUSH_SECONDS = 5.0


class Clock(Protocol):
    """The time of the run, in seconds."""

    now_seconds: float

    def __call__(self) -> float:
        """The present time."""
        ...


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands still until it is set."""

    now_seconds: float = 0.0

    def __call__(self) -> float:
        """The present time."""
        return self.now_seconds


class RunningClock:
    """A clock that runs on its own and can be set forward."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0

    @property
    def now_seconds(self) -> float:
        """The present time."""
        return time.perf_counter() + self._ahead_seconds

    @now_seconds.setter
    def now_seconds(self, value: float) -> None:
        self._ahead_seconds = max(self._ahead_seconds, value - time.perf_counter())

    def __call__(self) -> float:
        """The present time."""
        return self.now_seconds


class Flushed(Runner, Protocol):
    """A worker as a run uses it."""

    def flush(self, seconds: float = ..., /) -> bool:
        """Wait until everything was sent."""
        ...


@dataclass(slots=True)
class Watched:
    """A worker, and the time since when it may have pending operations."""

    worker: Flushed
    clock: Clock
    since_seconds: float | None = None

    def submit(self, call: FleetCall, is_urgent: bool) -> None:  # noqa: FBT001  # the protocol's
        """Pass it to the worker."""
        if self.since_seconds is None:
            self.since_seconds = self.clock()
        self.worker.submit(call, is_urgent)

    def flush(self) -> bool:
        """Wait until everything was sent."""
        return self.worker.flush(_FLUSH_SECONDS)

    def stop(self) -> None:
        """Stop the worker."""
        self.worker.stop()


class Pace(Protocol):
    """Lets time pass."""

    def until(self, at_seconds: float, *, is_idle: bool) -> None:
        """Wait for the next event.

        Args:
            at_seconds: Time of the event.
            is_idle: Whether no request is in flight.
        """
        ...


class AtOnce:
    """No real time passes; only the clock advances, which the processes set."""

    def until(self, at_seconds: float, *, is_idle: bool) -> None:
        """Return immediately."""


@dataclass(slots=True)
class AsItDoes:
    """Real time passes while a request is in flight; idle time is skipped."""

    clock: RunningClock
    workers: list[Watched] = field(default_factory=list[Watched])

    def until(self, at_seconds: float, *, is_idle: bool) -> None:
        """Sleep, or skip idle time and flush what would have been sent in it."""
        gap_seconds = at_seconds - self.clock()
        if not is_idle or gap_seconds <= _SETTLE_SECONDS:
            time.sleep(max(0.0, gap_seconds))
            return
        time.sleep(_SETTLE_SECONDS)
        for each in self.workers:
            if each.since_seconds is not None and at_seconds - each.since_seconds >= _LOOK_SECONDS:
                each.flush()
                each.since_seconds = None
        self.clock.now_seconds = at_seconds
