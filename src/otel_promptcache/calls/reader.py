"""The reader of a stream's body."""

from __future__ import annotations

import asyncio
import threading
import weakref


class Reader:
    """Who reads a body: the asyncio task, or else the thread, that opened it, until another reads."""

    def __init__(self) -> None:
        self._has_begun = self._has_many_tasks = False
        self._is(_current_task())

    def reads(self) -> None:
        """Note who reads a piece.

        Some applications read each piece in a task of its own: with `asyncio.wait_for` all do, before Python 3.12.
        """
        self._has_begun = True
        task = _current_task()
        if task is None or self._task is None:
            self._is(task)
        elif self._task() is not task:
            self._has_many_tasks = True

    def _is(self, task: asyncio.Task[object] | None) -> None:
        self._task = None if task is None else weakref.ref(task)
        self._loop = None if task is None else weakref.ref(task.get_loop())
        self._thread_id = threading.get_ident()

    def is_gone(self) -> bool:
        """Tell whether reading has begun and does not go on now: the reader is the caller, or a task that has ended."""
        if not self._has_begun:
            return False
        if self._task is None or self._loop is None:
            return self._thread_id == threading.get_ident() and _current_task() is None
        if self._has_many_tasks:
            loop = self._loop()
            return loop is None or not loop.is_running()
        task = self._task()
        return task is None or task.done() or task is _current_task()


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None
