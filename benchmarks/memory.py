"""What stays in memory: after a flood of distinct prompts, and after streams that nobody finished.

Run it with `python -m benchmarks.memory [--calls N] [--quick]`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Protocol

import openai

from benchmarks.display import Advance, print_table, progress
from benchmarks.footprint import Footprint, largest_container
from benchmarks.telemetry import Telemetry
from benchmarks.transport import async_client, sync_client
from benchmarks.workloads import Workload, chat_stream, distinct_chat

_CALLS, _PROMPTS, _STREAMS = 20_000, 5_000, 2_000
_QUICK_SHARE = 10
_WARM_UP = 100
_EVENTS_READ = 3


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """Memory at three moments of a run, and what the instrumentation holds at its end."""

    made: int
    requests: float
    """As counted by the metrics."""
    series: int
    """Of all metrics together."""
    warm: Footprint
    """After the first few calls."""
    filled: Footprint
    """After every kind of call was made once: whatever is bounded is as full as it gets."""
    end: Footprint
    largest: tuple[str, int]
    """The longest container of the package, and its length."""


class Scenario(Protocol):
    """Makes calls and watches the memory."""

    def __call__(self, *sizes: int, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
        """Run it; `is_on` with the instrumentation, `is_traced` with tracemalloc."""
        ...


def run(calls: int, prompts: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """Make that many calls with so many distinct templates, in turns."""
    workload = distinct_chat(prompts)
    with sync_client(workload.answer) as client:
        return _watch(
            lambda index: workload.call(client, index), calls, prompts, is_on=is_on, is_traced=is_traced
        )


def abandon(streams: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """Begin to read that many streams, and drop each without closing it."""
    workload = chat_stream(20)
    with sync_client(workload.answer) as client:
        return _watch(
            lambda index: _drop(workload, client, index),
            streams,
            streams // 2,
            is_on=is_on,
            is_traced=is_traced,
        )


def abandon_async(streams: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """The same with the asynchronous client."""
    workload = chat_stream(20)
    with closing(asyncio.new_event_loop()) as loop:
        client = async_client(workload.answer)

        def call(index: int) -> None:
            loop.run_until_complete(_adrop(workload, client, index))

        result = _watch(call, streams, streams // 2, is_on=is_on, is_traced=is_traced)
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result


def _drop(workload: Workload, client: openai.OpenAI, index: int) -> None:
    stream = client.chat.completions.create(**workload.arguments(index))
    for _ in range(index % _EVENTS_READ):
        next(stream)


async def _adrop(workload: Workload, client: openai.AsyncOpenAI, index: int) -> None:
    stream = await client.chat.completions.create(**workload.arguments(index))
    for _ in range(index % _EVENTS_READ):
        await anext(stream)
    del stream
    await asyncio.sleep(0)


def _watch(
    call: Callable[[int], None], calls: int, filling: int, *, is_on: bool, is_traced: bool
) -> MemoryResult:
    with closing(Telemetry()) as telemetry, telemetry.instrumented() if is_on else nullcontext():
        call(0)
        gc.collect()
        telemetry.collect()  # has loaded the price list by now, which takes long under tracemalloc
        if is_traced:
            tracemalloc.start()
        try:
            moments = []
            for start, end in ((1, _WARM_UP), (_WARM_UP, filling), (filling, calls)):
                for index in range(start, end):
                    call(index)
                telemetry.flush_spans()
                gc.collect()  # finishes what was dropped, which is counted at the next collection
                telemetry.collect()
                moments.append(Footprint.now())
        finally:
            tracemalloc.stop()
        return MemoryResult(
            made=calls,
            requests=telemetry.total("promptcache.requests"),
            series=telemetry.series(),
            warm=moments[0],
            filled=moments[1],
            end=moments[2],
            largest=largest_container(),
        )


def _in_its_own_process(scenario: Scenario, *sizes: int, **how: bool) -> MemoryResult:
    """Run where nothing was allocated before, so that one scenario does not live in the holes of another."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(scenario, *sizes, **how).result()


def _rows(calls: int, prompts: int, streams: int, advance: Advance) -> Iterator[tuple[str, ...]]:
    scenarios: tuple[tuple[str, Scenario, tuple[int, ...]], ...] = (
        (f"{calls:,} calls, {prompts:,} templates", run, (calls, prompts)),
        (f"{streams:,} abandoned streams", abandon, (streams,)),
        (f"{streams:,} abandoned streams, async", abandon_async, (streams,)),
    )
    for name, scenario, sizes in scenarios:
        advance(name)
        off = _in_its_own_process(scenario, *sizes, is_on=False)
        on = _in_its_own_process(scenario, *sizes)
        traced = _in_its_own_process(scenario, *sizes, is_traced=True)
        for side, result in (("off", off), ("on", on)):
            is_on = side == "on"
            yield (
                f"{name}, {side}",
                f"{result.warm.resident / 2**20:.1f}",
                f"{_grown(result.warm.resident, result.filled.resident)}",
                f"{_grown(result.filled.resident, result.end.resident)}",
                _grown(0, traced.end.own) if is_on else "",
                _grown(traced.filled.own, traced.end.own) if is_on else "",
                f"{result.series:,}" if is_on else "",
                f"{result.requests:,.0f}" if is_on else "",
                f"{result.largest[1]:,}" if is_on else "",
            )


def _grown(before: int, after: int) -> str:
    return f"{(after - before) / 2**20:+.2f}"


def main() -> None:
    """Run the scenarios and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--calls", type=int, default=_CALLS, help="calls; the other sizes follow in proportion"
    )
    parser.add_argument("--quick", action="store_true", help=f"the same as --calls {_CALLS // _QUICK_SHARE}")
    options = parser.parse_args()
    calls: int = _CALLS // _QUICK_SHARE if options.quick else options.calls
    headers = (
        "Scenario", "RSS warm MiB", "filling", "after that", "own at end MiB", "after filling", "series",
        "counted", "longest container",
    )  # fmt: skip
    with progress(3) as advance:
        sizes = (calls, calls * _PROMPTS // _CALLS, calls * _STREAMS // _CALLS)
        rows = list(_rows(*sizes, advance))
    print_table(headers, rows)


if __name__ == "__main__":
    main()
