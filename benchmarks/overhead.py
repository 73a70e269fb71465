"""CPU time that the instrumentation adds to a call and to a chunk of a stream.

Run it with `python -m benchmarks.overhead [--calls N] [--quick]`.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator, Sequence
from contextlib import closing

from benchmarks.display import print_table, progress
from benchmarks.sampling import Comparison, Spread, compare
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import Workload, workloads

_CALLS, _QUICK_CALLS = 400, 50

_HEADERS = (
    "Workload",
    "off µs",
    "on µs",
    "on/off",
    "quartiles",
    "off/off",
    "quartiles",
    "+µs/call",
    "+µs/chunk",
)

Measured = tuple[Workload, bool, Comparison]


def main() -> None:
    """Measure all workloads and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=_CALLS, help="calls on each side of a workload")
    parser.add_argument("--quick", action="store_true", help=f"the same as --calls {_QUICK_CALLS}")
    options = parser.parse_args()
    print_table(_HEADERS, list(_rows(measure(_QUICK_CALLS if options.quick else options.calls))))


def measure(calls: int) -> list[Measured]:
    """Compare each workload with the synchronous client, and some with the asynchronous one."""
    runs = [
        (workload, is_async)
        for workload in workloads()
        for is_async in ((False, True) if workload.has_async else (False,))
    ]
    measured: list[Measured] = []
    with closing(Telemetry()) as telemetry, progress(len(runs)) as advance:
        # What was imported is not garbage; without it a collection before each sample is quick.
        gc.freeze()
        for workload, is_async in runs:
            advance(_name(workload, is_async=is_async))
            measured.append(
                (workload, is_async, compare(workload, telemetry, calls=calls, is_async=is_async))
            )
    return measured


def _name(workload: Workload, *, is_async: bool) -> str:
    return f"{workload.name}, async" if is_async else workload.name


def _rows(measured: Sequence[Measured]) -> Iterator[tuple[str, ...]]:
    for workload, is_async, comparison in measured:
        ratio, noise = comparison.ratio(), comparison.noise()
        yield (
            _name(workload, is_async=is_async),
            f"{comparison.seconds('off') * 1e6:,.0f}",
            f"{comparison.seconds('on') * 1e6:,.0f}",
            f"{ratio.median:.2f}",
            _quartiles(ratio),
            f"{noise.median:.2f}",
            _quartiles(noise),
            f"{comparison.added_seconds() * 1e6:,.0f}",
            _per_chunk(workload, comparison, [each for each in measured if each[1] == is_async]),
        )


def _quartiles(spread: Spread) -> str:
    return f"{spread.low:.2f}-{spread.high:.2f}"


def _per_chunk(workload: Workload, comparison: Comparison, others: Sequence[Measured]) -> str:
    """What a chunk costs beyond what the call costs: the slope between a short stream and a long one."""
    for shorter, _, base in others:
        if shorter.is_chat == workload.is_chat and 0 < shorter.events < workload.events:
            added = comparison.added_seconds() - base.added_seconds()
            return f"{added * 1e6 / (workload.events - shorter.events):.2f}"
    return ""


if __name__ == "__main__":
    main()
