"""Requests of a fleet, and the building blocks of its scenarios."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.diagnosis.requests import Body, assistant, text, user

BLOCKS, EXACT = "gpt-4.1", "gpt-5.6-sol"
"""Models whose cache is read in steps of 128 tokens, and at exact boundaries."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of one of the processes."""

    at_seconds: float
    process: int
    """The process that sends it. A new number is a process that has just started."""
    body: Body
    repaired: Body | None = None
    """The request without the application's fault; None if there is none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Traffic of one kind."""

    name: str
    requests: Callable[[random.Random, int], Iterator[Request]]
    """Draws the requests of that many processes, in any order."""
    fault: str | None = None
    """The reason that should be diagnosed for the application's fault; None if it has none."""


def arrivals(rng: random.Random, count: int, per_minute: float) -> Iterator[float]:
    """Random arrival times of that many requests, in seconds."""
    at_seconds = 0.0
    for _ in range(count):
        at_seconds += rng.expovariate(per_minute / 60)
        yield at_seconds


@dataclass(frozen=True, slots=True)
class Turn:
    """A question within a conversation, with the history before it."""

    at_seconds: float
    session: int
    messages: list[Body]


def conversations(rng: random.Random, sessions: int, turns: int) -> Iterator[Turn]:
    """Conversations that begin about a minute apart and last for some minutes."""
    for session in range(sessions):
        at_seconds = session * 60 + rng.uniform(0, 60)
        messages = [user(text(120, rng))]
        for _ in range(turns):
            yield Turn(at_seconds, session, messages)
            messages = [*messages, assistant(text(220, rng)), user(text(120, rng))]
            at_seconds += rng.uniform(15, 90)
