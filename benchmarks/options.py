"""The command-line options that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.instrumentations import INSTRUMENTATIONS, Instrumentation
from benchmarks.workloads import Workload, selected


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is measured, and of what."""

    is_quick: bool = False
    calls: int | None = None
    only: Sequence[str] = ()
    """Names of instrumentations; empty for all."""
    workloads: Sequence[str] = ()
    """Substrings of workload names; empty for all."""
    has_callgrind: bool = False
    """Count machine instructions with valgrind instead."""

    @property
    def instrumentations(self) -> Sequence[Instrumentation]:
        """The selected instrumentations."""
        return [each for each in INSTRUMENTATIONS if not self.only or each.name in self.only]

    def selected_workloads(self) -> Sequence[Workload]:
        """The selected workloads."""
        return selected(self.workloads)


def parse(description: str, *, knows_callgrind: bool = False) -> Options:
    """Parse the command line; exit if it is invalid."""
    names = [each.name for each in INSTRUMENTATIONS]
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    parser.add_argument("--calls", type=int, help="exact number of calls, where a benchmark has one")
    parser.add_argument("--only", default="", metavar="A,B", help=f"instrumentations: {', '.join(names)}")
    parser.add_argument(
        "--workloads",
        nargs="+",
        default=(),
        metavar="PART",
        help="workloads whose names contain one of these parts",
    )
    if knows_callgrind:
        parser.add_argument(
            "--callgrind", action="store_true", help="count machine instructions, with valgrind"
        )
    given = parser.parse_args()
    only = [name.strip() for name in given.only.split(",") if name.strip()]
    if unknown := set(only) - set(names):
        parser.error(
            f"no instrumentation is called {', '.join(sorted(unknown))}; the names are {', '.join(names)}"
        )
    if not selected(given.workloads):
        parser.error("no workload has such a name")
    return Options(
        is_quick=given.quick,
        calls=given.calls,
        only=only,
        workloads=given.workloads,
        has_callgrind=knows_callgrind and given.callgrind,
    )
