"""How often something happened in the last minute."""

from __future__ import annotations

from array import array

_SECONDS = 61
"""A minute, and the second that has begun."""


class MinuteRate:
    """Counts the events of the last minute by the second: it takes the same memory for any number of them."""

    __slots__ = ("_counts", "_latest_second", "_total")

    def __init__(self) -> None:
        self._counts = array("L", bytes(_SECONDS * array("L").itemsize))
        self._latest_second: int | None = None
        self._total = 0

    def count(self, now_seconds: float) -> int:
        """Count an event; how many there were in the last minute, this one included.

        Args:
            now_seconds: The present time; an earlier one than before counts as that.
        """
        second, counts = int(now_seconds), self._counts
        if self._latest_second is None:
            self._latest_second = second
        for gone in range(max(self._latest_second + 1, second - _SECONDS + 1), second + 1):
            self._total -= counts[gone % _SECONDS]
            counts[gone % _SECONDS] = 0
        self._latest_second = max(self._latest_second, second)
        counts[self._latest_second % _SECONDS] += 1
        self._total += 1
        return self._total
