"""Calls whose answers are fetched later, by where the answers are."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from otel_promptcache.core.memory.forking import restart_in_forked_child

MAX_AWAITED = 256
"""Calls that wait for their answers; a further one replaces the oldest."""

_T = TypeVar("_T")


class AnswerKey(NamedTuple):
    """Where an answer is: two servers, or two accounts, may give the same name to different ones."""

    host: str
    port: int | None
    account: int
    response_id: str


class AwaitedAnswers(Generic[_T]):
    """The calls that wait for an answer, each handled by nothing else until it is taken."""

    def __init__(self) -> None:
        self._calls: dict[AnswerKey, _T] = {}
        restart_in_forked_child(self)

    def restart(self) -> None:
        """Forget the calls of the parent process, which ends them itself."""
        self._calls = {}

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, key: AnswerKey, call: _T) -> _T | None:
        """Note that a call waits; return the one that was evicted because there were too many."""
        calls = self._calls
        oldest = next(iter(calls.copy()), None) if len(calls) >= MAX_AWAITED else None
        evicted = None if oldest is None else calls.pop(oldest, None)
        calls[key] = call
        return evicted

    def take(self, key: AnswerKey) -> _T | None:
        """Remove and return the call that waits for an answer; None if there is none."""
        return self._calls.pop(key, None)
