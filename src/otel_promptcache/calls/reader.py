"""The reader of a stream's body."""

from __future__ import annotations

import asyncio
import threading
import weakref


class Reader:
    """The asyncio task, or else the thread, that creates this object."""

    def __init__(self) -> None:
        task = _current_task()
        self._task = None if task is None else weakref.ref(task)
        self._thread_id = threading.get_ident()

    def is_gone(self) -> bool:
        """Tell whether the reader is not reading now: it is the caller, or a task that has ended."""
        if self._task is None:
            return self._thread_id == threading.get_ident() and _current_task() is None
        task = self._task()
        return task is None or task.done() or task is _current_task()


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None
