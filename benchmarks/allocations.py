"""Measures the memory of a call: its peak while it is in flight, and what stays allocated.

Run it with `python -m benchmarks.allocations [--quick] [--calls N] [--workloads PART ...]`.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from benchmarks.display import print_section, print_table, progress
from benchmarks.options import Options, parse
from benchmarks.ours import switched
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.transport import sync_client
from benchmarks.workloads import Workload

_CALLS, _QUICK_CALLS = 50, 5
_WARM_UP_CALLS = 3


@dataclass(frozen=True, slots=True)
class Allocations:
    """What a call allocates on the Python heap."""

    peak_bytes: float
    """Peak during a call, minus what was in use before it."""
    kept_bytes: float
    """Still in use after spans are exported and garbage is collected; mean over the calls."""
    kept_blocks: float
    """The same, as a number of memory blocks."""


def main() -> None:
    """Measure and print one table."""
    report(parse(__doc__))


def report(options: Options) -> None:
    """Print the allocations of each workload with and without the instrumentation."""
    workloads = options.selected_workloads()
    calls = options.calls or (_QUICK_CALLS if options.is_quick else _CALLS)
    with (
        closing(Telemetry()) as telemetry,
        switched(telemetry) as switch,
        progress(len(workloads)) as advance,
    ):
        rows = []
        for workload in workloads:
            advance(f"allocations: {workload.name}")
            rows.append((workload.name, *_cells(workload, switch, telemetry, calls)))
    print_section(
        "Memory of a call",
        "KiB on the Python heap (`tracemalloc`): the peak during a call, above what was in use before, and what is "
        "still in use once its span has been exported and garbage has been collected. Blocks are pieces of memory "
        "(`sys.getallocatedblocks`).",
    )
    headers = ("Workload", "peak off", "peak on", "added", "stays off", "stays on", "blocks off", "blocks on")
    print_table(headers, rows)


def _cells(workload: Workload, switch: Switch, telemetry: Telemetry, calls: int) -> Iterator[str]:
    switch.on()
    on = measure(workload, telemetry.flush_spans, calls)
    switch.off()
    off = measure(workload, telemetry.flush_spans, calls)
    yield _kib(off.peak_bytes)
    yield _kib(on.peak_bytes)
    yield _kib(on.peak_bytes - off.peak_bytes)
    yield _kib(off.kept_bytes)
    yield _kib(on.kept_bytes)
    yield f"{off.kept_blocks:.1f}"
    yield f"{on.kept_blocks:.1f}"


def measure(workload: Workload, flush: Callable[[], object], calls: int) -> Allocations:
    """Make calls one by one, with the garbage collector off during a call."""
    # Imported modules are not garbage; unless they are frozen, each collection is slow.
    gc.collect()
    gc.freeze()
    with sync_client(workload.answer) as client:

        def call(index: int) -> None:
            workload.call(client, index)

        _kept(call, range(workload.warm_up_calls), flush, _traced)
        indices = range(calls)
        blocks = _kept(call, indices, flush, sys.getallocatedblocks)
        tracemalloc.start()
        try:
            # tracemalloc does not see frees of what was allocated before it started.
            _kept(call, range(_WARM_UP_CALLS), flush, _traced)
            kept = _kept(call, indices, flush, _traced)
            peaks = [_peak(call, index) for index in indices]
        finally:
            tracemalloc.stop()
            flush()
    return Allocations(sorted(peaks)[len(peaks) // 2], kept, blocks)


def _traced() -> int:
    return tracemalloc.get_traced_memory()[0]


def _kept(
    call: Callable[[int], None], indices: range, flush: Callable[[], object], in_use: Callable[[], int]
) -> float:
    """What the calls leave in use, divided by their number."""

    def settled() -> int:
        flush()
        gc.collect()
        return in_use()

    before = settled()
    for index in indices:
        call(index)
    return (settled() - before) / len(indices)


def _peak(call: Callable[[int], None], index: int) -> int:
    gc.disable()
    try:
        tracemalloc.reset_peak()
        before = _traced()
        call(index)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        gc.enable()


def _kib(size_bytes: float) -> str:
    return f"{size_bytes / 1024:,.1f}"


if __name__ == "__main__":
    main()
