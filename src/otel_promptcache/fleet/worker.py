"""Talks to the store in the background, so that no call of the host ever waits for it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from otel_promptcache.core.memory.forking import restart_in_forked_child
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.store import Batch, FleetStore, Query, StoreError, Update

_logger = logging.getLogger("otel_promptcache")

OperationOutcome = Literal["ok", "late", "dropped", "failed"]

MAX_QUEUED = 1_024
"""Requests that wait to be asked or told; the oldest are dropped."""
MAX_QUEUED_TEXTS = 256
"""Of these, the texts of new segments are held, to be compared; those of further ones are let go."""
FLUSH_SECONDS = 0.2
"""How long the end of the program waits for what is still to be told."""
_MAX_BATCH = 64
_NAP_SECONDS = 0.002
"""Before it works: by then the request is out. Its thread would lose up to 5 ms to this one otherwise."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_IDLE_SECONDS = 3_600.0


class Worker:
    """The thread that talks to a store, begun with the first request, in each process of its own.

    Args:
        store: The store; used by this thread alone.
        count: Called with the outcome of each query and update, and how many there were.
        count_fault: Called with a fault of ours and the place of it.
        name: What the store is called in the log, without secrets.
        clock: Seconds, for pauses.
    """

    def __init__(
        self,
        store: FleetStore,
        count: Callable[[OperationOutcome, int], None],
        count_fault: Callable[[str, Exception], None],
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._count = count
        self._count_fault = count_fault
        self._name = name
        self._clock = clock
        self._pause_seconds = 0.0
        self._away_until = 0.0
        self._has_said = False
        self._is_stopped = False
        self._begin()
        restart_in_forked_child(self)
        atexit.register(self.stop)

    def _begin(self) -> None:
        self._queue: deque[FleetCall] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._is_idle = False
        self._is_working = False

    def restart(self) -> None:
        """In a forked child: another thread and another connection; what was queued is the parent's."""
        self._store.forget()
        self._begin()

    def submit(self, call: FleetCall, is_urgent: bool) -> None:  # noqa: FBT001  # once for each call
        """Have the store asked, or told, about a call. Returns at once, whatever the store does.

        Args:
            call: The call.
            is_urgent: Soon; otherwise when there is something else for the store.
        """
        if self._away_until and self._clock() < self._away_until:
            self._count("failed", 1)
            return
        queue = self._queue
        queue.append(call)
        if len(queue) > MAX_QUEUED_TEXTS:
            call.let_go()
        if len(queue) > MAX_QUEUED:
            with contextlib.suppress(IndexError):  # the other thread was faster
                queue.popleft()
                self._count("dropped", 1)
        if self._thread is None:
            self._start()
        elif is_urgent and self._is_idle:
            self._is_idle = False
            self._wake_up()

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until all was told that is queued, but no longer than this; tells whether it was."""
        give_up = time.monotonic() + seconds
        while self._queue or self._is_working:
            if time.monotonic() >= give_up or self._thread is None or not self._thread.is_alive():
                return False
            self._wake_up()
            time.sleep(_NAP_SECONDS)
        return True

    def stop(self) -> None:
        """Tell what is still to be told, if that does not take long, and end."""
        atexit.unregister(self.stop)
        self.flush()
        self._is_stopped = True
        self._wake_up()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._work, name="otel-promptcache-fleet", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is about to end
                    self._thread.start()

    def _wake_up(self) -> None:
        with contextlib.suppress(RuntimeError):  # it is awake
            self._wake.release()

    def _work(self) -> None:
        queue = self._queue
        while not self._is_stopped:
            if not queue:
                self._is_idle = True
                if not queue:
                    self._wake.acquire(timeout=_IDLE_SECONDS)
                self._is_idle = False
                if not queue:
                    continue
            self._is_working = True
            time.sleep(_NAP_SECONDS)
            try:
                self._serve(self._next_batch(queue))
            except Exception as error:  # noqa: BLE001  # the thread must not end, and nobody could catch it
                self._count_fault("Worker", error)
                self._away(type(error).__name__)
            finally:
                self._is_working = False
        self._store.close()

    def _next_batch(self, queue: deque[FleetCall]) -> Sequence[tuple[FleetCall, Query | Update]]:
        batch: list[tuple[FleetCall, Query | Update]] = []
        while queue and len(batch) < _MAX_BATCH:
            try:
                call = queue.popleft()
            except IndexError:  # dropped in between
                break
            if (operation := call.next_operation()) is not None:
                batch.append((call, operation))
        return batch

    def _serve(self, batch: Sequence[tuple[FleetCall, Query | Update]]) -> None:
        if not batch:
            return
        queries = [(call, each) for call, each in batch if isinstance(each, Query)]
        updates = [(call, each) for call, each in batch if isinstance(each, Update)]
        try:
            outcome = self._store.run(Batch([each for _, each in queries], [each for _, each in updates]))
        except StoreError as error:
            self._count("failed", len(batch))
            self._away(str(error))
            return
        self._pause_seconds = self._away_until = 0.0
        for (call, _), found in zip(queries, outcome.found, strict=True):
            self._count("failed" if found is None else "ok" if call.found(found) else "late", 1)
        for (call, _), lacks_segments in zip(updates, outcome.written, strict=True):
            self._count("failed" if lacks_segments is None else "ok", 1)
            call.written(lacks_segments=bool(lacks_segments))

    def _away(self, why: str) -> None:
        """Leave the store alone for a while, longer each time."""
        self._pause_seconds = min(2 * self._pause_seconds or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._away_until = self._clock() + self._pause_seconds
        lost = len(self._queue)
        self._queue.clear()
        if lost:
            self._count("failed", lost)
        if not self._has_said:
            self._has_said = True
            _logger.warning(
                "The fleet's memory at %s cannot be used (%s): verdicts are those of this process alone until it "
                "can, which is tried again at least once a minute. Said once.",
                self._name,
                why,
            )
