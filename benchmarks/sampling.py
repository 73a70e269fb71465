"""Interleaved samples of the same work with and without the instrumentation."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmarks.telemetry import Telemetry
from benchmarks.transport import async_client, sync_client
from benchmarks.workloads import Workload

Side = Literal["off", "off again", "on"]

_SIDES: tuple[Side, ...] = ("off", "off again", "on")
_WARM_UP_CALLS = 3


class Subject(Protocol):
    """A workload with its client."""

    def __call__(self, calls: int) -> None:
        """Make that many calls."""


@contextlib.contextmanager
def subject(workload: Workload, *, is_async: bool) -> Iterator[Subject]:
    """Prepare a workload for measuring; all its samples use one client, as an application does."""
    if not is_async:
        with sync_client(workload.answer) as client:

            def run(calls: int) -> None:
                for index in range(calls):
                    workload.call(client, index)

            yield run
        return

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        aclient = async_client(workload.answer)

        async def arun(calls: int) -> None:
            for index in range(calls):
                await workload.acall(aclient, index)

        yield lambda calls: loop.run_until_complete(arun(calls))
        loop.run_until_complete(aclient.close())
        loop.run_until_complete(loop.shutdown_asyncgens())


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle half of some values."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The quartiles."""
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """CPU seconds a call, in rounds of neighbouring samples."""

    samples: dict[Side, list[float]]

    def seconds(self, side: Side) -> float:
        """Median of one side."""
        return statistics.median(self.samples[side])

    def ratio(self) -> Spread:
        """On to off. Taken within each round, so that a machine that gets slower does not matter."""
        return Spread.of([on / off for on, off in zip(self.samples["on"], self._off(), strict=True)])

    def noise(self) -> Spread:
        """Off to off: what the ratio looks like where there is nothing to measure."""
        pairs = zip(self.samples["off again"], self.samples["off"], strict=True)
        return Spread.of([again / off for again, off in pairs])

    def added_seconds(self) -> float:
        """What instrumentation adds to a call; median over the rounds."""
        return statistics.median(on - off for on, off in zip(self.samples["on"], self._off(), strict=True))

    def _off(self) -> Iterator[float]:
        pairs = zip(self.samples["off"], self.samples["off again"], strict=True)
        return (statistics.fmean(pair) for pair in pairs)


def compare(workload: Workload, telemetry: Telemetry, *, calls: int, is_async: bool = False) -> Comparison:
    """Measure a workload; `calls` on each side, in at least five rounds that take turns in who begins."""
    samples: dict[Side, list[float]] = {side: [] for side in _SIDES}
    with subject(workload, is_async=is_async) as run:
        for turn in range(max(5, calls // workload.sample_calls)):
            first = turn % len(_SIDES)
            for side in (*_SIDES[first:], *_SIDES[:first]):
                with telemetry.instrumented() if side == "on" else contextlib.nullcontext():
                    run(_WARM_UP_CALLS)
                    samples[side].append(
                        _cpu_seconds(run, workload.sample_calls, telemetry) / workload.sample_calls
                    )
    return Comparison(samples)


def _cpu_seconds(run: Subject, calls: int, telemetry: Telemetry) -> float:
    """CPU time of all threads: exporting the spans is part of the price, and ends inside the sample."""
    telemetry.flush_spans()
    gc.collect()
    start = time.process_time()
    run(calls)
    telemetry.flush_spans()
    return time.process_time() - start
