"""What every program here can be told on its command line."""

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
    """Names of instrumentations; all without any."""
    workloads: Sequence[str] = ()
    """Parts of the names of workloads; all without any."""
    has_callgrind: bool = False
    """Count the machine's instructions, too."""

    @property
    def instrumentations(self) -> Sequence[Instrumentation]:
        """Those that were asked for."""
        return [each for each in INSTRUMENTATIONS if not self.only or each.name in self.only]

    def selected_workloads(self) -> Sequence[Workload]:
        """Those that were asked for."""
        return selected(self.workloads)


def parse(description: str, *, knows_callgrind: bool = False) -> Options:
    """Read the command line; ends the program where it cannot be understood."""
    names = [each.name for each in INSTRUMENTATIONS]
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    parser.add_argument("--calls", type=int, help="exactly that many calls, where there is a number of calls")
    parser.add_argument("--only", default="", metavar="A,B", help=f"instrumentations: {', '.join(names)}")
    parser.add_argument(
        "--workloads", nargs="+", default=(), metavar="PART", help="those whose name contains a part"
    )
    if knows_callgrind:
        parser.add_argument("--callgrind", action="store_true", help="machine instructions, by valgrind")
    given = parser.parse_args()
    only = [name.strip() for name in given.only.split(",") if name.strip()]
    if unknown := set(only) - set(names):
        parser.error(
            f"no instrumentation is called {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        )
    if not selected(given.workloads):
        parser.error("no workload is called so")
    return Options(
        is_quick=given.quick,
        calls=given.calls,
        only=only,
        workloads=given.workloads,
        has_callgrind=knows_callgrind and given.callgrind,
    )
