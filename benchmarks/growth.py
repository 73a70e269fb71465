"""How memory grows while calls are made."""

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
    """Memory at four moments of a run, and what the instrumentation holds at its end."""

    made: int
    requests: float
    """As counted by the metrics."""
    series: int
    """Of all metrics together."""
    warm: Footprint
    """After the first few calls."""
    filled: Footprint
    """After every kind of call was made once: whatever is bounded is as full as it gets."""
    halfway: Footprint
    """Between `filled` and `end`."""
    end: Footprint
    largest: tuple[str, int]
    """The longest container of the package, and its length."""


def watch(
    call: Callable[[int], None], calls: int, filling: int, *, is_on: bool, is_traced: bool
) -> MemoryResult:
    """Make that many calls, the first `filling` of which bring everything that the others repeat."""
    with closing(Telemetry()) as telemetry, telemetry.instrumented() if is_on else nullcontext():
        call(0)
        gc.collect()
        telemetry.collect()  # has loaded the price list by now, which takes long under tracemalloc
        if is_traced:
            tracemalloc.start()
        try:
            moments = []
            for start, end in itertools.pairwise((1, _WARM_UP, filling, (filling + calls) // 2, calls)):
                for index in range(start, end):
                    call(index)
                    if index % _FLUSHED_EVERY == 0:
                        # Without a network nothing ever waits, and the queue of spans would be what is seen.
                        telemetry.flush_spans()
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
            halfway=moments[2],
            end=moments[3],
            largest=largest_container(),
        )
