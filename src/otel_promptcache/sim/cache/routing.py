"""Routes requests to machines by the prompt's first tokens and key, with overflow at high rates."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable

HEAD_TOKENS = 256
"""How many leading tokens determine the machine.

Source: https://developers.openai.com/api/docs/guides/prompt-caching (checked 2026-11-20), "typically 256".
"""

_WINDOW_SECONDS = 60.0
_MAX_GROUPS = 10_000


class Router:
    """Sends requests with the same start to the same machine, until there are too many of them.

    Each further `requests_per_minute` requests of a group within a minute go to the next machine, which is
    cold at first.

    Args:
        machines: Number of machines.
        requests_per_minute: How many requests of one group a machine takes. None: unlimited.
    """

    __slots__ = ("_arrivals", "_machines", "_requests_per_minute")

    def __init__(self, machines: int, requests_per_minute: int | None) -> None:
        self._machines = machines
        self._requests_per_minute = requests_per_minute
        self._arrivals: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def route(self, head_digest: bytes, group: Hashable, now_seconds: float) -> int:
        """Count a request and return its machine, 0 to `machines` - 1.

        Args:
            head_digest: Hash of the leading tokens and the key.
            group: Requests of the same group are counted together.
            now_seconds: The time of the request.
        """
        home = int.from_bytes(head_digest[:8], "big")
        return (home + self._overflow(group, now_seconds)) % self._machines

    def clear(self) -> None:
        """Forget the requests counted so far."""
        self._arrivals.clear()

    def _overflow(self, group: Hashable, now_seconds: float) -> int:
        if self._requests_per_minute is None:
            return 0
        arrivals = self._arrivals.setdefault(group, deque())
        self._arrivals.move_to_end(group)
        if len(self._arrivals) > _MAX_GROUPS:
            self._arrivals.popitem(last=False)
        while arrivals and arrivals[0] <= now_seconds - _WINDOW_SECONDS:
            arrivals.popleft()
        arrivals.append(now_seconds)
        return (len(arrivals) - 1) // self._requests_per_minute
