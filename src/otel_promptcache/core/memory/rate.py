"""How many requests with the same start were sent in the last minute."""

from __future__ import annotations

from collections import OrderedDict

from otel_promptcache.core.prompt.chain import ContentHash
from otel_promptcache.core.prompt.segments import CacheScope

MAX_STARTS = 1_024
"""Starts of prompts whose requests of the last minute are counted, in each scope."""
START_BYTES = 6_400
"""Bytes that one of them takes at most."""
_MINUTE_SECONDS = 60


class MinuteRate:
    """Counts the events of the last minute by the second, so memory is bounded however many there are."""

    __slots__ = ("_by_second", "_latest_second", "_total")

    def __init__(self) -> None:
        self._by_second: dict[int, int] = {}
        self._latest_second = 0
        self._total = 0

    def __len__(self) -> int:
        """How many seconds have a count of their own."""
        return len(self._by_second)

    def count(self, now_seconds: float) -> int:
        """Count an event and return how many there were in the last minute, this one included.

        Args:
            now_seconds: The present time; one before the latest counts as the latest.
        """
        by_second = self._by_second
        self._latest_second = second = max(int(now_seconds), self._latest_second)
        by_second[second] = by_second.get(second, 0) + 1
        self._total += 1
        while (oldest := next(iter(by_second))) < second - _MINUTE_SECONDS:
            self._total -= by_second.pop(oldest)
        return self._total

    def uncount(self, now_seconds: float) -> None:
        """Take back an event that was counted at a time."""
        second = int(now_seconds)
        if self._by_second.get(second):
            self._by_second[second] -= 1
            self._total -= 1


class StartRates(OrderedDict[tuple[CacheScope, ContentHash], MinuteRate]):
    """The rate of each start of a prompt, by its scope and the hash that requests are routed by.

    Bounded: the least recently used start is forgotten first. Not thread-safe for writing.
    """

    def count(self, scope: CacheScope, routing: ContentHash, now_seconds: float) -> int:
        """Count a request and return how many with its start there were in the last minute, this one included."""
        key = (scope, routing)
        rate = self.get(key)
        if rate is None:
            rate = self[key] = MinuteRate()
            if len(self) > MAX_STARTS:
                self.popitem(last=False)
        else:
            self.move_to_end(key)
        return rate.count(now_seconds)

    def uncount(self, scope: CacheScope, routing: ContentHash, now_seconds: float) -> None:
        """Take back a request that was counted at a time: it never reached the provider."""
        if (rate := self.get((scope, routing))) is not None:
            rate.uncount(now_seconds)
