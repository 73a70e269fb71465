"""Counts the machine instructions of a call with valgrind; `benchmarks.counts --callgrind` prints them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from benchmarks.display import print_lines, print_section, print_table
from benchmarks.environments import ROOT
from benchmarks.options import Options
from benchmarks.ours import switched
from benchmarks.sampling import subject
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import Workload, selected

_CALLS = 20
_COLLECTED = re.compile(r"==(\d+)== Collected : (\d+)")

Key = tuple[str, str, int]
"""Name of a workload, `on` or `off`, and a number of calls."""


def report(options: Options) -> None:
    """Print one table, or a note if valgrind is missing."""
    valgrind = find_valgrind()
    if valgrind is None:
        return
    workloads = options.selected_workloads()
    calls = options.calls or _CALLS
    instructions = _count(valgrind, options.workloads, calls)
    print_section(
        "Machine instructions",
        f"Thousands per call: the difference between a process of {2 * calls} calls and one of {calls}.",
    )
    rows = [(workload.name, *_cells(workload, instructions, calls)) for workload in workloads]
    print_table(("Workload", "off", "on", "added", "on/off"), rows)


def find_valgrind() -> str | None:
    """The path of valgrind; None, after a note, if it is missing."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print_lines(["valgrind is missing, so no machine instructions were counted.", ""])
    return valgrind


def _cells(workload: Workload, instructions: dict[Key, int], calls: int) -> Iterator[str]:
    off, on = (
        (instructions[workload.name, side, 2 * calls] - instructions[workload.name, side, calls]) / calls
        for side in ("off", "on")
    )
    yield from (f"{value / 1e3:,.0f}" for value in (off, on, on - off))
    yield f"{on / off:.2f}"


def _count(valgrind: str, parts: Sequence[str], calls: int) -> dict[Key, int]:
    counted = under_valgrind(valgrind, "-m", "benchmarks.callgrind", json.dumps([parts, calls]))
    return {(name, side, number): instructions for (name, side, number), instructions in counted}


def under_valgrind(valgrind: str, *arguments: str) -> Iterator[tuple[list[Any], int]]:
    """Run Python with these arguments; yield what it printed of each of its forks, and the fork's instructions.

    Args:
        valgrind: The path of valgrind.
        arguments: Of Python. For each fork, the program prints a JSON list, whose last item is the process id.
    """
    command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={os.devnull}", sys.executable]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603
        [*command, "-W", "ignore", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    collected = dict(_COLLECTED.findall(done.stderr))
    for *key, process in map(json.loads, done.stdout.splitlines()):
        yield key, int(collected[str(process)])


def in_a_fork(work: Callable[[], object], *key: str | int) -> None:
    """Do some work in a fork, and print its key and its process id for `under_valgrind`."""
    process = os.fork()
    if process == 0:
        work()
        os._exit(0)
    os.waitpid(process, 0)
    print(json.dumps([*key, process]), flush=True)  # noqa: T201


def main() -> None:
    """Make the calls under valgrind, each kind in a fork, because starting valgrind takes minutes."""
    parts, calls = json.loads(sys.argv[1])
    with closing(Telemetry()) as telemetry, switched(telemetry) as switch:
        for workload in selected(parts):
            for side, turn_to in (("off", switch.off), ("on", switch.on)):
                turn_to()
                for number in (calls, 2 * calls):
                    in_a_fork(partial(_make, workload, number, telemetry), workload.name, side, number)


def _make(workload: Workload, calls: int, telemetry: Telemetry) -> None:
    with subject(workload, is_async=False) as run:
        run(workload.warm_up_calls)
        run(calls)
        telemetry.flush_spans()


if __name__ == "__main__":
    main()
