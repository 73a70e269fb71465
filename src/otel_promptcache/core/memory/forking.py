"""What a forked child must not take over: locks that threads of its parent held, work that goes on there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Restartable(Protocol):
    """Something with a lock or with work in progress."""

    def restart(self) -> None:
        """Begin anew in a forked child, in which only the forking thread exists."""


_restartables: weakref.WeakSet[Restartable] = weakref.WeakSet()


def restart_in_forked_child(owner: Restartable) -> None:
    """Have `owner.restart` called in every child that is forked while the owner lives."""
    _restartables.add(owner)


def _restart_all() -> None:
    for owner in list(_restartables):
        owner.restart()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork either
    os.register_at_fork(after_in_child=_restart_all)
