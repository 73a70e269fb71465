"""How often something happened in the last minute."""

from __future__ import annotations

_MINUTE_SECONDS = 60


class MinuteRate:
    """Counts the events of the last minute by the second: memory has a bound, however many there are."""

    __slots__ = ("_by_second", "_latest_second", "_total")

    def __init__(self) -> None:
        self._by_second: dict[int, int] = {}
        self._latest_second = 0
        self._total = 0

    def __len__(self) -> int:
        """How many seconds are told apart."""
        return len(self._by_second)

    def count(self, now_seconds: float) -> int:
        """Count an event; how many there were in the last minute, this one included.

        Args:
            now_seconds: The present time; an earlier one than before counts as that.
        """
        by_second = self._by_second
        self._latest_second = second = max(int(now_seconds), self._latest_second)
        by_second[second] = by_second.get(second, 0) + 1
        self._total += 1
        while (oldest := next(iter(by_second))) < second - _MINUTE_SECONDS:
            self._total -= by_second.pop(oldest)
        return self._total

    def uncount(self, now_seconds: float) -> None:
        """Take an event back that was counted at a time."""
        second = int(now_seconds)
        if self._by_second.get(second):
            self._by_second[second] -= 1
            self._total -= 1
