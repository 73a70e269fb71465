"""Runs a scenario on a virtual clock: N processes, and one that sees all requests, share a provider."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from benchmarks.fleet.memories import MEMORIES, Memory
from benchmarks.fleet.process import ClientProcess, Pending, Process
from benchmarks.fleet.provider import Provider, Served
from benchmarks.fleet.scenarios import SCENARIOS
from benchmarks.fleet.traffic import Request, Scenario
from otel_promptcache.core.analyzer import CacheReport

FIRST_TOKEN_SECONDS = 1.0
"""From sending until the prompt is in the cache and the process has its answer."""
_START_SECONDS = 1_795_000_000.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdicts on one request: its process's, and the all-seeing one's."""

    told: CacheReport
    truth: CacheReport
    input_cost_usd: float
    repaired_cost_usd: float | None
    """Cost of the same request without the application's fault; None if it has none."""
    is_late: bool | None
    """Whether it was judged without the fleet's knowledge, which came too late; None if there is no fleet."""


@dataclass(frozen=True, slots=True)
class _Sent:
    request: Request
    told: Pending
    truth: Pending
    served: Served
    repaired: Served | None


def run(
    scenario: Scenario,
    processes: int,
    seed: int,
    memory: Memory,
    first_token_seconds: float = FIRST_TOKEN_SECONDS,
) -> Iterator[Outcome]:
    """Run a scenario once; the same arguments give the same outcomes, unless the memory works in the background."""
    rng = random.Random(f"{scenario.name} {seed}")  # noqa: S311  # a benchmark must be reproducible
    provider, repaired_provider = Provider(seed), Provider(seed)
    all_seeing = ClientProcess()
    fleet: dict[int, Process] = {}
    order, under_way = count(), 0
    events: list[tuple[float, int, Request | _Sent]] = [
        (_START_SECONDS + request.at_seconds, next(order), request)
        for request in scenario.requests(rng, processes)
    ]
    heapq.heapify(events)
    while events:
        now_seconds, _, event = heapq.heappop(events)
        memory.pace.until(now_seconds, is_idle=not under_way)
        under_way += 1 if isinstance(event, Request) else -1
        if isinstance(event, Request):
            if event.process not in fleet:
                fleet[event.process] = memory.start()
            repaired = event.repaired and repaired_provider.read(event.repaired, now_seconds)
            sent = _Sent(
                request=event,
                told=fleet[event.process].send(event.body, now_seconds),
                truth=all_seeing.send(event.body, now_seconds),
                served=provider.read(event.body, now_seconds),
                repaired=repaired,
            )
            heapq.heappush(events, (now_seconds + first_token_seconds, next(order), sent))
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
            is_late=event.told.is_late,
        )
    memory.stop()


def outcomes_of(
    name: str, *, processes: int, seeds: int, memory: str, first_token_seconds: float
) -> list[Outcome]:
    """Run a scenario with that many seeds. It is given by name, which can be passed to another process."""
    scenario = next(each for each in SCENARIOS if each.name == name)
    return [
        outcome
        for seed in range(seeds)
        for outcome in run(scenario, processes, seed, MEMORIES[memory](), first_token_seconds)
    ]
