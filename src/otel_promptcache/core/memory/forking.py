"""What a forked child must not inherit: locks held by threads of its parent, work in progress there."""

from __future__ import annotations

import os
import sys
import weakref
from typing import Protocol


class Restartable(Protocol):
    """Something with a lock or with work in progress."""

    def restart(self) -> None:
        """Start over in a forked child, in which only the forking thread exists."""


_restartables: weakref.WeakSet[Restartable] = weakref.WeakSet()


def restart_in_forked_child(owner: Restartable) -> None:
    """Have `owner.restart` called in every child that is forked while the owner exists."""
    _restartables.add(owner)


def _restart_all() -> None:
    for owner in list(_restartables):
        owner.restart()


if sys.platform != "win32":  # Windows does not fork
    os.register_at_fork(after_in_child=_restart_all)
