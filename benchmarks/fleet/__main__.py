"""Prints how right the verdicts of a fleet are: `python -m benchmarks.fleet --processes 1,16 --seeds 1`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.fleet.figures import Figures, figures
from benchmarks.fleet.memories import MEMORIES
from benchmarks.fleet.run import Outcome, run
from benchmarks.fleet.scenarios import SCENARIOS

_COLUMNS = (
    "scenario", "requests", "lost", "wrong", "cold", "unseen", "wrong beside", "blind hits", "$ told / true",
    "fault $ told / gained", "blamed",
)  # fmt: skip
_SHOWN = 3
_WIDTH = 150


def main() -> None:
    """Run the scenarios and print a table for each number of processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--processes", default="1,4,16,64", help="how many, several numbers with commas")
    parser.add_argument("--seeds", type=int, default=1, help="how often each scenario is run (default: 1)")
    parser.add_argument("--memory", choices=MEMORIES, default="process", help="what they remember by")
    parser.add_argument("--only", default="", help="scenarios whose names contain this")
    options = parser.parse_args()
    console = Console(width=_WIDTH)
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    for processes in map(int, options.processes.split(",")):
        table = Table(*_COLUMNS, title=f"{processes} processes, memory: {options.memory}")
        all_outcomes: list[Outcome] = []
        confusions: list[str] = []
        for scenario in track(chosen, "Running", console=console, transient=True):
            outcomes = [
                outcome
                for seed in range(options.seeds)
                for outcome in run(scenario, processes, seed, MEMORIES[options.memory])
            ]
            of_scenario = figures(outcomes, scenario.fault)
            table.add_row(scenario.name, *_row(of_scenario))
            confusions += _confusions(scenario.name, of_scenario)
            all_outcomes += outcomes
        table.add_section()
        table.add_row("all", *_row(figures(all_outcomes)))
        console.print(table)
        console.print(*confusions, sep="\n", highlight=False)


def _row(of: Figures) -> Iterable[str]:
    yield f"{of.requests:,}"
    yield f"{of.lost:,}"
    yield _share(of.wrong, of.lost)
    yield _share(of.cold, of.lost)
    yield _share(of.unseen, of.lost)
    yield f"{of.wrong_otherwise}"
    yield _share(of.blind_hits, of.hits)
    yield f"{of.told_usd:.3f} / {of.true_usd:.3f}"
    yield "" if of.fault_usd is None else f"{of.fault_usd:.3f} / {of.repair_usd or 0:.3f}"
    yield f"{of.blamed} of {of.not_the_applications}"


def _confusions(name: str, of: Figures) -> Iterable[str]:
    """The most frequent mistakes: the true reason, and the one that is told."""
    most = of.confusions.most_common(_SHOWN)
    if most:
        yield f"{name}: " + ", ".join(f"{true} → {told} {number}" for (true, told), number in most)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


if __name__ == "__main__":
    main()
