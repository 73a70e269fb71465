"""How many values a metric attribute may have, whatever the traffic."""

from __future__ import annotations

import threading
from collections import OrderedDict

from otel_promptcache.core.forking import restart_in_forked_child
from otel_promptcache.telemetry.names import OTHER

_CANDIDATES_PER_SLOT = 32


class BoundedLabel:
    """Admits up to `slots` values of an attribute and turns the rest into `other`.

    Half of the slots go to the first values that come, the other half only to values that recur. So a
    flood of values that are seen once cannot push out one that comes back. What was admitted stays, so a
    series never changes its name.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._admitted: set[str] = set()
        self._candidates: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget who holds the lock; what was admitted stays."""
        self._lock = threading.Lock()

    def admit(self, value: str) -> str:
        """Return the value itself or `other`."""
        if value in self._admitted:
            return value
        with self._lock:
            recurs = value in self._candidates
            if len(self._admitted) < (self._slots if recurs else (self._slots + 1) // 2):
                self._candidates.pop(value, None)
                self._admitted.add(value)
                return value
            self._candidates[value] = None
            self._candidates.move_to_end(value)
            if len(self._candidates) > self._slots * _CANDIDATES_PER_SLOT:
                self._candidates.popitem(last=False)
        return OTHER
