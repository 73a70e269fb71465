"""Runs a scenario on a virtual clock: N processes, and one that sees all requests, over the same provider."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from benchmarks.fleet.process import ClientProcess, Memory, Pending, Process
from benchmarks.fleet.provider import Provider, Served
from benchmarks.fleet.traffic import Request, Scenario
from otel_promptcache.core.analyzer import CacheReport

_FIRST_TOKEN_SECONDS = 1.0
"""From sending to the moment at which the prompt is in the cache, and the process knows."""
_START_SECONDS = 1_795_000_000.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: what its process says, and what one that sees everything says."""

    told: CacheReport
    truth: CacheReport
    input_cost_usd: float
    repaired_cost_usd: float | None
    """Of the same request without the application's fault; None if it has none."""


@dataclass(frozen=True, slots=True)
class _Sent:
    request: Request
    told: Pending
    truth: Pending
    served: Served
    repaired: Served | None


def run(scenario: Scenario, processes: int, seed: int, memory: Memory) -> Iterator[Outcome]:
    """Run a scenario once; the same arguments give the same outcomes."""
    rng = random.Random(f"{scenario.name} {seed}")  # noqa: S311  # a benchmark has to be repeatable
    provider, repaired_provider = Provider(seed), Provider(seed)
    start, all_seeing = memory(), ClientProcess()
    fleet: dict[int, Process] = {}
    order = count()
    events: list[tuple[float, int, Request | _Sent]] = [
        (_START_SECONDS + request.at_seconds, next(order), request)
        for request in scenario.requests(rng, processes)
    ]
    heapq.heapify(events)
    while events:
        now_seconds, _, event = heapq.heappop(events)
        if isinstance(event, Request):
            if event.process not in fleet:
                fleet[event.process] = start()
            repaired = event.repaired and repaired_provider.read(event.repaired, now_seconds)
            sent = _Sent(
                request=event,
                told=fleet[event.process].send(event.body, now_seconds),
                truth=all_seeing.send(event.body, now_seconds),
                served=provider.read(event.body, now_seconds),
                repaired=repaired,
            )
            heapq.heappush(events, (now_seconds + _FIRST_TOKEN_SECONDS, next(order), sent))
            continue
        provider.write(event.served, now_seconds)
        if event.repaired is not None:
            repaired_provider.write(event.repaired, now_seconds)
        for pending in (event.told, event.truth):
            pending.answered(now_seconds)
        yield Outcome(
            told=event.told.report(event.served.usage),
            truth=event.truth.report(event.served.usage),
            input_cost_usd=event.served.input_cost_usd,
            repaired_cost_usd=event.repaired and event.repaired.input_cost_usd,
        )
