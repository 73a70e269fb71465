"""Takes interleaved samples of the same work with and without an instrumentation."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.transport import async_client, sync_client
from benchmarks.workloads import Workload


class Subject(Protocol):
    """A workload with its client."""

    def __call__(self, calls: int) -> None:
        """Make that many calls."""


@contextlib.contextmanager
def subject(workload: Workload, *, is_async: bool) -> Iterator[Subject]:
    """Prepare a workload for measuring; as in an application, all calls share one client."""
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
    """Median and quartiles of some values."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Compute them."""
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """CPU seconds per call, in rounds of two adjacent samples."""

    off: Sequence[float]
    on: Sequence[float]
    spans: float
    """Spans per call while the instrumentation is on."""

    def ratio(self) -> Spread:
        """Ratio of on to off, taken within each round, so that a machine that slows down does not matter."""
        return Spread.of([on / off for on, off in zip(self.on, self.off, strict=True)])

    def added(self) -> Spread:
        """Seconds that the instrumentation adds to a call."""
        return Spread.of([on - off for on, off in zip(self.on, self.off, strict=True)])


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a workload is sampled.

    Either a number of calls on each side, or as many rounds as fit into a number of seconds.
    """

    min_rounds: int
    seconds: float = 0
    calls: int = 0

    def rounds(self, workload: Workload) -> Iterator[int]:
        """Number the rounds from 0."""
        wanted = self.calls // workload.sample_calls
        end = time.monotonic() + self.seconds
        turn = 0
        while turn < max(self.min_rounds, wanted) or time.monotonic() < end:
            yield turn
            turn += 1


class Side(NamedTuple):
    """One of the two that are compared."""

    turn_to: Callable[[], None]
    """Puts the SDK into the state of this side."""
    run: Subject


def compare(
    workload: Workload, switch: Switch, telemetry: Telemetry, effort: Effort, *, is_async: bool = False
) -> Comparison:
    """Measure a workload with the instrumentation off and on, in rounds that alternate which side goes first.

    Raises:
        RuntimeError: The instrumentation made spans while it was off.
    """
    with subject(workload, is_async=is_async) as run:
        switch.on()
        run(workload.sample_calls)  # a service has seen its prompts before; the rounds keep this state
        comparison = alternate(
            Side(switch.off, run),
            Side(switch.on, run),
            effort.rounds(workload),
            telemetry,
            calls=workload.sample_calls,
            warm_up_calls=workload.warm_up_calls,
            begin=workload.begin,
        )
        switch.off()
    return comparison


def alternate(
    off: Side,
    on: Side,
    rounds: Iterable[int],
    telemetry: Telemetry,
    *,
    calls: int,
    warm_up_calls: int,
    begin: Callable[[], None] = lambda: None,
) -> Comparison:
    """Take two neighbouring samples in each round, in alternating order.

    Args:
        off: Without the instrumentation.
        on: With it.
        rounds: Their numbers, from 0.
        telemetry: Where the spans of both sides go.
        calls: Calls of a sample.
        warm_up_calls: Calls before each sample.
        begin: Called before each sample; not measured.

    Raises:
        RuntimeError: The instrumentation made spans while it was off.
    """
    samples: dict[Side, list[float]] = {off: [], on: []}
    spans = 0
    for turn in rounds:
        for side in (off, on) if turn % 2 else (on, off):
            side.turn_to()
            side.run(warm_up_calls)
            begin()
            spans_before = telemetry.spans()
            samples[side].append(_cpu_seconds(side.run, calls, telemetry.flush_spans))
            new_spans = telemetry.spans() - spans_before
            if side is on:
                spans += new_spans
            elif new_spans:
                raise RuntimeError(f"{new_spans} spans while the instrumentation was off")
    return Comparison(samples[off], samples[on], spans / (len(samples[on]) * calls))


def _cpu_seconds(run: Subject, calls: int, flush: Callable[[], object]) -> float:
    """CPU time of all threads per call, including the export of its spans."""
    gc.collect()
    start = time.process_time()
    run(calls)
    flush()
    return (time.process_time() - start) / calls
