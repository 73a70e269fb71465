"""Ends the calls that nothing else ends: streams closed by the garbage collector, broken off, or left open."""

from __future__ import annotations

import atexit
import gc
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from otel_promptcache.core.memory.forking import restart_in_forked_child

_RECORDING_SECONDS = 0.2
"""At the end of the program, the longest wait for other threads that are recording the end of a call."""
_LOOK_SECONDS = 0.002


class OpenCall(Protocol):
    """A call whose end is not recorded yet."""

    def abandon(self) -> None:
        """End the call with what was seen; nothing happens if it has ended."""
        ...

    @property
    def is_left(self) -> bool:
        """Whether the body is no longer being read, as far as the calling thread or task can tell."""
        ...


class Endings:
    """The open calls of one observer, and those that must be ended from a safe place.

    Args:
        follow_flushes: Registers a function to be called before each flush of the application's providers.
    """

    def __init__(self, follow_flushes: Callable[[Callable[[], None]], None]) -> None:
        self._follow_flushes = follow_flushes
        self._open: dict[OpenCall, None] = {}
        self._pending: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._collecting: int | None = None
        """The thread in which the garbage collector runs."""
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget the calls of the parent process, which ends them itself."""
        self._open = {}
        self._pending = queue.SimpleQueue()

    def start(self) -> None:
        """Watch the garbage collector and the end of the program."""
        gc.callbacks.append(self._collector_runs)
        atexit.register(self.end_all)

    def stop(self) -> None:
        """End what is open, and stop watching."""
        self.end_all()
        atexit.unregister(self.end_all)
        if self._collector_runs in gc.callbacks:
            gc.callbacks.remove(self._collector_runs)

    def opened(self, call: OpenCall) -> None:
        """Note that a call is open."""
        self._open[call] = None

    def body_opened(self) -> None:
        """Note that a body will come, which may be left unread until a flush or until the program ends."""
        self._follow_flushes(self.end_left)
        # Exit handlers run in reverse order, and providers may have registered theirs after ours.
        atexit.unregister(self.end_all)
        atexit.register(self.end_all)

    def ended(self, call: OpenCall) -> None:
        """Note that the end of a call is recorded."""
        self._open.pop(call, None)

    def closed(self, call: OpenCall) -> None:
        """End a call whose body was closed: immediately, or from a safe place if the garbage collector closes it.

        The collector may run anywhere, even while this very thread holds a lock of the OpenTelemetry SDK.
        """
        self.end_by(call.abandon)

    def end_by(self, end: Callable[[], None]) -> None:
        """End a call in this way: immediately, or from a safe place if the garbage collector runs in this thread."""
        if self._collecting == threading.get_ident():
            self._pending.put(end)
        else:
            end()

    def run_pending(self) -> None:
        """End the calls that the garbage collector closed."""
        while not self._pending.empty():
            try:
                end = self._pending.get_nowait()
            except queue.Empty:  # another thread was faster
                return
            end()

    def end_left(self) -> None:
        """End the calls whose body is no longer read, such as a stream that was broken off."""
        self.run_pending()
        for call in list(self._open):
            if call.is_left:
                call.abandon()

    def end_all(self) -> None:
        """End all calls with what was seen of them; wait a moment for those that other threads are recording."""
        self.run_pending()
        for call in list(self._open):
            call.abandon()
        deadline = time.monotonic() + _RECORDING_SECONDS
        while self._open and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def _collector_runs(self, phase: str, _: dict[str, Any]) -> None:
        self._collecting = threading.get_ident() if phase == "start" else None
