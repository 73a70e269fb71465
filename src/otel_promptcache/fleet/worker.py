"""Talks to the store in the background, so that the host's calls never wait for it."""

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
"""Requests that wait for the store; if there are more, the oldest are dropped."""
MAX_QUEUED_TEXTS = 256
"""Requests that wait with the texts of their new segments, for comparison; those of further ones are released."""
FLUSH_SECONDS = 0.2
"""How long the end of the program waits for pending updates."""
_MAX_BATCH = 64
_NAP_SECONDS = 0.002
"""Pause before it works, until the request is sent. Its thread could otherwise lose up to 5 ms to this one."""
_COMPANY_SECONDS = 0.008
"""How long an update waits for the next query, so that both share one round trip and one wake-up."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
_LOOK_SECONDS = 10.0
"""How often it looks for work that is not urgent if nothing wakes it."""


class Worker:
    """The thread that talks to a store; each process starts its own with the first request.

    Args:
        store: The store, used by this thread only.
        count: Called with an outcome and the number of operations that ended so.
        count_fault: Called with a fault of ours and where it happened.
        name: The store's name in the log, without secrets.
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
        self._serving = 0
        self._counting = threading.Lock()

    def restart(self) -> None:
        """In a forked child: use a new thread and a new connection. The queue is the parent's."""
        self._store.forget()
        self._begin()

    def submit(self, call: FleetCall, is_urgent: bool) -> None:  # noqa: FBT001  # once for each call
        """Queue a query or an update for a call. Returns immediately, whatever the store does.

        Args:
            call: The call.
            is_urgent: Do it soon; otherwise with the next urgent one, or within ten seconds.
        """
        if self._away_until and self._clock() < self._away_until:
            self._count("failed", 1)
            return
        if self._is_stopped:
            self._count("dropped", 1)
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
        """Wait until the queue is empty, but no longer than this; return whether it is."""
        give_up = time.monotonic() + seconds
        while self._queue or self._is_working:
            if time.monotonic() >= give_up or self._thread is None or not self._thread.is_alive():
                return False
            self._wake_up()
            time.sleep(_NAP_SECONDS)
        return True

    def stop(self) -> None:
        """Write what is still queued, if that does not take long, and end. The rest is dropped."""
        atexit.unregister(self.stop)
        self.flush()
        with self._counting:
            self._is_stopped = True
        self._give_up_all("dropped")
        self._wake_up()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._work, name="otel-promptcache-fleet", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is about to end
                    self._thread.start()

    def _wake_up(self) -> None:
        if self._wake.locked():
            with contextlib.suppress(RuntimeError):  # another thread was faster
                self._wake.release()

    def _work(self) -> None:
        queue = self._queue
        while not self._is_stopped:
            if not queue:
                self._is_idle = True
                if not queue:
                    self._wake.acquire(timeout=_LOOK_SECONDS)
                self._is_idle = False
                if not queue:
                    continue
            self._is_working = True
            try:
                with contextlib.suppress(IndexError):  # the end of the program emptied it
                    time.sleep(_COMPANY_SECONDS if queue[0].is_over else _NAP_SECONDS)
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
            except IndexError:  # dropped in the meantime
                break
            if (operation := call.next_operation()) is not None:
                batch.append((call, operation))
        return batch

    def _serve(self, batch: Sequence[tuple[FleetCall, Query | Update]]) -> None:
        if not batch:
            return
        queries = [(call, each) for call, each in batch if isinstance(each, Query)]
        updates = [(call, each) for call, each in batch if isinstance(each, Update)]
        with self._counting:
            self._serving = len(batch)
            is_stopped = self._is_stopped
        if is_stopped:
            self._give_up_all("dropped")
            return
        try:
            outcome = self._store.run(Batch([each for _, each in queries], [each for _, each in updates]))
        except StoreError as error:
            self._away(str(error))
            return
        if not self._take_serving():  # the end of the program did not wait for them and has counted them
            return
        self._pause_seconds = self._away_until = 0.0
        if outcome.refusal:
            self._say(outcome.refusal)
        for (call, _), found in zip(queries, outcome.found, strict=True):
            self._count("failed" if found is None else "ok" if call.found(found) else "late", 1)
        for (call, _), lacks_segments in zip(updates, outcome.written, strict=True):
            self._count("failed" if lacks_segments is None else "ok", 1)
            call.written(lacks_segments=bool(lacks_segments))

    def _away(self, why: str) -> None:
        """Leave the store alone for a while, each time for longer."""
        self._pause_seconds = min(2 * self._pause_seconds or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._away_until = self._clock() + self._pause_seconds
        self._give_up_all("failed")
        self._say(why)

    def _take_serving(self) -> int:
        """Take over the operations that the store is working on: one thread alone counts how they ended."""
        with self._counting:
            serving, self._serving = self._serving, 0
        return serving

    def _give_up_all(self, outcome: OperationOutcome) -> None:
        """Count the operations that the store is working on, and all that are queued, with this outcome."""
        lost = self._take_serving()
        with contextlib.suppress(IndexError):
            while True:
                self._queue.popleft()
                lost += 1
        if lost:
            self._count(outcome, lost)

    def _say(self, why: str) -> None:
        if not self._has_said:
            self._has_said = True
            _logger.warning(
                "The fleet's memory at %s is unavailable (%s). Until it is back, verdicts use only the history of this "
                "process. It is retried at least once a minute. This is logged once.",
                self._name,
                why,
            )
