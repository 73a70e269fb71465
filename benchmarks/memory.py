"""Measures what stays in memory after many prompts, long conversations and abandoned streams.

Run it with `python -m benchmarks.memory [--quick] [--calls N]`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import Protocol

import openai

from benchmarks.display import Advance, print_section, print_table, progress
from benchmarks.growth import MemoryResult, watch
from benchmarks.options import Options, parse
from benchmarks.transport import async_client, sync_client
from benchmarks.variety import conversations, distinct_chats
from benchmarks.workloads import Workload, chat_stream

_CALLS, _QUICK_CALLS = 20_000, 2_000
_TURNS = 40
_EVENTS_READ = 3

_HEADERS = (
    "Scenario", "RSS warm MiB", "filling", "next half", "last half", "own MiB", "next half", "last half",
    "own objects", "series", "counted",
)  # fmt: skip


class Scenario(Protocol):
    """Makes calls and watches the memory."""

    def __call__(self, *sizes: int, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
        """Run it; `is_on` with the instrumentation, `is_traced` with tracemalloc."""
        ...


def run(calls: int, prompts: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """Make that many calls with that many distinct templates, in turn."""
    return _call(distinct_chats(prompts), calls, prompts, is_on=is_on, is_traced=is_traced)


def converse(talks: int, turns: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """Run that many conversations in sequence, each growing with every turn."""
    calls = talks * turns
    return _call(conversations(turns), calls, calls // 2, is_on=is_on, is_traced=is_traced)


def abandon(streams: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """Start reading that many streams, and drop each without closing it."""
    workload = chat_stream(20)
    with sync_client(workload.answer) as client:

        def call(index: int) -> None:
            stream = client.chat.completions.create(**workload.arguments(index))
            for _ in range(index % _EVENTS_READ):
                next(stream)

        return watch(call, streams, streams // 2, is_on=is_on, is_traced=is_traced)


def abandon_async(streams: int, *, is_on: bool = True, is_traced: bool = False) -> MemoryResult:
    """The same with the asynchronous client."""
    workload = chat_stream(20)
    with closing(asyncio.new_event_loop()) as loop:
        client = async_client(workload.answer)

        def call(index: int) -> None:
            loop.run_until_complete(_abandon_one(workload, client, index))

        result = watch(call, streams, streams // 2, is_on=is_on, is_traced=is_traced)
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result


async def _abandon_one(workload: Workload, client: openai.AsyncOpenAI, index: int) -> None:
    stream = await client.chat.completions.create(**workload.arguments(index))
    for _ in range(index % _EVENTS_READ):
        await anext(stream)
    del stream
    await asyncio.sleep(0)


def _call(workload: Workload, calls: int, filling: int, *, is_on: bool, is_traced: bool) -> MemoryResult:
    with sync_client(workload.answer) as client:
        return watch(
            lambda index: workload.call(client, index), calls, filling, is_on=is_on, is_traced=is_traced
        )


def _in_its_own_process(scenario: Scenario, *sizes: int, **how: bool) -> MemoryResult:
    """Run in a fresh process, so that a scenario does not reuse memory that an earlier one freed."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(scenario, *sizes, **how).result()


def _rows(calls: int, advance: Advance) -> Iterator[tuple[str, ...]]:
    prompts, talks, streams = calls // 4, calls // 400, calls // 10
    scenarios: tuple[tuple[str, Scenario, tuple[int, ...]], ...] = (
        (f"{calls:,} calls, {prompts:,} templates", run, (calls, prompts)),
        (f"{talks:,} conversations, {_TURNS} turns each", converse, (talks, _TURNS)),
        (f"{streams:,} abandoned streams", abandon, (streams,)),
        (f"{streams:,} abandoned streams, async", abandon_async, (streams,)),
    )
    for name, scenario, sizes in scenarios:
        advance(name)
        off = _in_its_own_process(scenario, *sizes, is_on=False)
        on = _in_its_own_process(scenario, *sizes)
        traced = _in_its_own_process(scenario, *sizes, is_traced=True)
        yield (f"{name}, off", *_resident(off), *[""] * 6)
        yield (
            f"{name}, on",
            *_resident(on),
            _mib(traced.end.own),
            _mib(traced.halfway.own - traced.filled.own, "+"),
            _mib(traced.end.own - traced.halfway.own, "+"),
            f"{on.end.objects:,}",
            f"{on.series:,}",
            f"{on.requests:,.0f}",
        )


def _resident(result: MemoryResult) -> tuple[str, ...]:
    warm, filled, halfway, end = (
        moment.resident for moment in (result.warm, result.filled, result.halfway, result.end)
    )
    return _mib(warm), _mib(filled - warm, "+"), _mib(halfway - filled, "+"), _mib(end - halfway, "+")


def _mib(size_bytes: int, sign: str = "") -> str:
    return f"{size_bytes / 2**20:{sign}.2f}"


def main() -> None:
    """Run all scenarios and print one table."""
    options = parse(__doc__)
    with progress(4) as advance:
        rows = list(_rows(_calls(options), advance))
    print_table(_HEADERS, rows)


def report(options: Options) -> None:
    """Print how the process grows with many templates: the first scenario, without tracemalloc."""
    calls = _calls(options)
    prompts = calls // 4
    with progress(2) as advance:
        rows = []
        for is_on in (False, True):
            side = "on" if is_on else "off"
            advance(f"memory: {calls:,} calls, {side}")
            result = _in_its_own_process(run, calls, prompts, is_on=is_on)
            rows.append((side, *_resident(result), f"{result.requests:,.0f}", f"{result.series:,}"))
    print_section(
        f"Memory of the process over {calls:,} calls with {prompts:,} templates",
        "Resident MiB after the first calls, and its growth while each template is sent once, and in each half of the "
        "calls after that.",
    )
    print_table(("Instrumentation", *_HEADERS[1:5], "counted", "series"), rows)


def _calls(options: Options) -> int:
    return options.calls or (_QUICK_CALLS if options.is_quick else _CALLS)


if __name__ == "__main__":
    main()
