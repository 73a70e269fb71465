"""Measures how memory grows while calls are made."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass

from benchmarks.footprint import Footprint, largest_container
from benchmarks.telemetry import Telemetry

_WARM_UP = 100
_FLUSHED_EVERY = 50


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """Memory at four moments of a run, and what the instrumentation keeps at the end."""

    made: int
    requests: float
    """As counted by the metrics."""
    series: int
    """Total over all metrics."""
    warm: Footprint
    """After the first few calls."""
    filled: Footprint
    """After each kind of call was made once: everything bounded is as full as it gets."""
    halfway: Footprint
    """Between `filled` and `end`."""
    end: Footprint
    largest: tuple[str, int]
    """The longest container of the package, and its length."""


def watch(
    call: Callable[[int], None], calls: int, filling: int, *, is_on: bool, is_traced: bool
) -> MemoryResult:
    """Make that many calls; those after the first `filling` only repeat earlier ones."""
    with closing(Telemetry()) as telemetry, telemetry.instrumented() if is_on else nullcontext():
        call(0)
        gc.collect()
        telemetry.collect()  # loads the price list, which is slow under tracemalloc
        if is_traced:
            tracemalloc.start()
        try:
            moments = []
            for start, end in itertools.pairwise((1, _WARM_UP, filling, (filling + calls) // 2, calls)):
                for index in range(start, end):
                    call(index)
                    if index % _FLUSHED_EVERY == 0:
                        # Without a network no call waits, so an unflushed span queue would dominate the memory.
                        telemetry.flush_spans()
                telemetry.flush_spans()
                gc.collect()  # finalizes dropped streams, which are counted at the next collection of metrics
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
            halfway=moments[2],
            end=moments[3],
            largest=largest_container(),
        )
