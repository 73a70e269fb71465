"""The simulator's notion of time: real, or moved by hand."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """The simulator's source of time. Safe to call from any thread."""

    def now_seconds(self) -> float:
        """Return seconds since the Unix epoch, never going backwards."""
        ...


class SystemClock:
    """A clock that starts at the wall-clock time and then ticks monotonically."""

    __slots__ = ("_offset_seconds",)

    def __init__(self) -> None:
        self._offset_seconds = time.time() - time.monotonic()

    def now_seconds(self) -> float:
        """Return seconds since the Unix epoch; changes to the wall clock do not affect it."""
        return self._offset_seconds + time.monotonic()


class ManualClock:
    """A clock that stands still until `advance` moves it: hours of cache lifetime in no time.

    Cache lifetimes, timestamps and the request router's rate follow it: without an `advance`, all requests
    fall into the same minute. The pauses before and between tokens do not; they are real sleeps.

    Args:
        start_seconds: Where it starts, in seconds since the Unix epoch.
    """

    __slots__ = ("_lock", "_now_seconds")

    def __init__(self, start_seconds: float = 1_795_132_800.0) -> None:
        self._lock = threading.Lock()
        self._now_seconds = start_seconds

    def now_seconds(self) -> float:
        """Return the time it was last set to, in seconds since the Unix epoch."""
        with self._lock:
            return self._now_seconds

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Args:
            seconds: How far; zero is allowed.

        Raises:
            ValueError: `seconds` is negative; expired entries would become valid again.
        """
        if seconds < 0:
            raise ValueError(f"advance(seconds={seconds}): must be >= 0")
        with self._lock:
            self._now_seconds += seconds
