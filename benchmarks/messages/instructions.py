"""Counts the machine instructions that are added to a call of Anthropic's SDK, which other load does not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial

from benchmarks.callgrind import find_valgrind, in_a_fork, under_valgrind
from benchmarks.child import be_quiet
from benchmarks.display import print_section, print_table, progress
from benchmarks.instrumentations import NOTHING
from benchmarks.messages.variants import VARIANTS
from benchmarks.messages.workloads import WORKLOADS, calling
from benchmarks.telemetry import Telemetry

_EARLIER_CALLS, _CALLS = 150, 40

Instructions = Mapping[str, float]
"""Of a call, by workload."""


def report() -> None:
    """Print a table, or a note if valgrind is missing."""
    valgrind = find_valgrind()
    if valgrind is None:
        return
    there = [name for name, variant in VARIANTS.items() if variant.is_installed]
    counted: dict[str, Instructions] = {}
    with progress(len(there)) as advance:
        for name in there:
            advance(f"messages, instructions: {name}")
            counted[name] = _counted(valgrind, name)
    off, others = counted[NOTHING], [name for name in there if name != NOTHING]
    print_section(
        "Machine instructions added to a call of Anthropic's SDK",
        f"Thousands per call: the difference between a process of {2 * _CALLS} calls and one of {_CALLS}. "
        "Each call asks a new question.",
    )
    print_table(
        ("Workload", "off", *others),
        [
            (
                workload,
                f"{off[workload] / 1e3:,.0f}",
                *(f"{(counted[name][workload] - off[workload]) / 1e3:+,.0f}" for name in others),
            )
            for workload in WORKLOADS
        ],
    )


def tell(name: str) -> None:
    """Make the calls of each workload in forks, and print the workload, the number of calls and the process."""
    be_quiet()
    variant = VARIANTS[name]
    with closing(Telemetry()) as telemetry:
        variant.install(telemetry)
        with calling(**variant.client_settings(telemetry)) as run:
            for workload in WORKLOADS:
                run(workload, _EARLIER_CALLS)
                for calls in (_CALLS, 2 * _CALLS):
                    in_a_fork(partial(_make, run, workload, calls, telemetry), workload, calls)


def _make(run: Callable[[str, int], None], workload: str, calls: int, telemetry: Telemetry) -> None:
    run(workload, calls)
    telemetry.flush_spans()


def _counted(valgrind: str, name: str) -> Instructions:
    code = f"from benchmarks.messages import instructions; instructions.tell({name!r})"
    counted = {(key[0], key[1]): found for key, found in under_valgrind(valgrind, "-c", code)}
    return {
        workload: (counted[workload, 2 * _CALLS] - counted[workload, _CALLS]) / _CALLS
        for workload in WORKLOADS
    }
