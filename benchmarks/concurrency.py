"""Measures how many threads or tasks slow down one shared client, and checks that every call is counted.

Run it with `python -m benchmarks.concurrency [--quick] [--calls N]`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from threading import Barrier

from benchmarks import answers
from benchmarks.display import print_section, print_table, progress
from benchmarks.options import Options, parse
from benchmarks.sampling import Spread
from benchmarks.telemetry import Telemetry
from benchmarks.transport import async_client, sync_client
from benchmarks.workloads import SHORT_CHAT_STREAM, chat_stream, short_chat
from otel_promptcache import prefix

WORKERS = 64
_NAMES = 8
_ROUNDS, _QUICK_ROUNDS = 5, 2
_CALLS, _QUICK_CALLS = 25, 10

Run = Callable[[int, int], float]
"""Makes calls in parallel (number of workers, calls of each); returns the calls per second."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The calls that were made, and what was counted of them."""

    made_by_name: dict[str, int]
    """Calls by the prefix name that the worker set."""
    requests_by_name: dict[str, float]
    spans: int
    durations: float
    input_tokens: float

    @property
    def made(self) -> int:
        """Number of all calls."""
        return sum(self.made_by_name.values())

    @property
    def requests(self) -> float:
        """Number of all calls, as counted by the metrics."""
        return sum(self.requests_by_name.values())

    def is_exact(self) -> bool:
        """Whether every call was counted once, with its tokens, and under the name its worker set."""
        counted = (self.spans, self.durations, self.input_tokens / answers.INPUT_TOKENS)
        return set(counted) == {self.made} and self.requests_by_name == self.made_by_name


def run_threads(workers: int, calls: int) -> Counts:
    """Make that many calls in each of that many threads, all on one client."""
    return _counts(threads, workers, calls)


def run_tasks(workers: int, calls: int) -> Counts:
    """Make that many calls in each of that many tasks of one event loop, all on one client."""
    return _counts(tasks, workers, calls)


def threads(workers: int, calls: int) -> float:
    """A `Run` with threads."""
    plain, streamed, together = short_chat(), chat_stream(SHORT_CHAT_STREAM), Barrier(workers + 1)
    with (
        sync_client(plain.answer, streamed.answer) as client,
        ThreadPoolExecutor(workers) as pool,
    ):

        def work(worker: int) -> None:
            together.wait()
            with prefix(_name(worker)):
                for index in range(calls):
                    (streamed if index % 2 else plain).call(client)

        futures = [pool.submit(work, worker) for worker in range(workers)]
        together.wait()
        start = time.perf_counter()
        for future in futures:
            future.result()
        return workers * calls / (time.perf_counter() - start)


def tasks(workers: int, calls: int) -> float:
    """A `Run` with tasks."""
    plain, streamed = short_chat(), chat_stream(SHORT_CHAT_STREAM)

    async def work_all() -> float:
        async with async_client(plain.answer, streamed.answer, gives_way=True) as client:

            async def work(worker: int) -> None:
                with prefix(_name(worker)):
                    for index in range(calls):
                        await (streamed if index % 2 else plain).acall(client)

            start = time.perf_counter()
            await asyncio.gather(*map(work, range(workers)))
            return workers * calls / (time.perf_counter() - start)

    return asyncio.run(work_all())


def _name(worker: int) -> str:
    # Shared by several workers, so that they add to the same sums concurrently.
    return f"group {worker % _NAMES}"


def _counts(run: Run, workers: int, calls: int) -> Counts:
    with closing(Telemetry()) as telemetry, telemetry.instrumented():
        run(workers, calls)
        telemetry.collect()
        return Counts(
            made_by_name={name: calls * many for name, many in Counter(map(_name, range(workers))).items()},
            requests_by_name=telemetry.by_attribute("promptcache.requests", "promptcache.prefix.name"),
            spans=telemetry.spans(),
            durations=telemetry.total("gen_ai.client.operation.duration"),
            input_tokens=telemetry.total("promptcache.tokens"),
        )


def _compare(run: Run, rounds: int, calls: int) -> tuple[Spread, Spread, Spread]:
    """Calls per second without and with the instrumentation, and the ratio of on to off."""
    off: list[float] = []
    on: list[float] = []
    with closing(Telemetry()) as telemetry:
        for turn in range(rounds):
            for is_on in (False, True) if turn % 2 else (True, False):
                with telemetry.instrumented() if is_on else nullcontext():
                    run(WORKERS, 2)
                    (on if is_on else off).append(run(WORKERS, calls))
    ratios = [fast / slow for fast, slow in zip(on, off, strict=True)]
    return Spread.of(off), Spread.of(on), Spread.of(ratios)


def _rows(rounds: int, calls: int) -> Iterator[tuple[str, ...]]:
    with progress(2) as advance:
        for name, run in ((f"{WORKERS} threads", threads), (f"{WORKERS} tasks", tasks)):
            advance(name)
            off, on, ratio = _compare(run, rounds, calls)
            counts = _counts(run, WORKERS, calls)
            yield (
                name,
                f"{off.median:,.0f}",
                f"{on.median:,.0f}",
                f"{ratio.median:.2f}",
                f"{ratio.low:.2f}-{ratio.high:.2f}",
                f"{counts.made:,}",
                f"{counts.requests:,.0f}",
                f"{counts.spans:,}",
                "yes" if counts.is_exact() else "NO",
            )


def main() -> None:
    """Compare the throughput and check the counts."""
    report(parse(__doc__))


def report(options: Options) -> None:
    """Print one table."""
    headers = (
        "Workers",
        "off calls/s",
        "on calls/s",
        "on/off",
        "quartiles",
        "made",
        "counted",
        "spans",
        "exact",
    )
    calls = options.calls or (_QUICK_CALLS if options.is_quick else _CALLS)
    rows = list(_rows(_QUICK_ROUNDS if options.is_quick else _ROUNDS, calls))
    print_section(
        "Throughput of many threads and tasks",
        "Calls per second of wall time, half of them streams; `exact` says that every call was counted once.",
    )
    print_table(headers, rows)


if __name__ == "__main__":
    main()
