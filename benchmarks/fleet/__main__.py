"""Prints how often the verdicts of a fleet are right: `python -m benchmarks.fleet --processes 1,16 --seeds 1`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from benchmarks.fleet.figures import Figures, figures
from benchmarks.fleet.memories import MEMORIES
from benchmarks.fleet.run import FIRST_TOKEN_SECONDS, Outcome, outcomes_of
from benchmarks.fleet.scenarios import SCENARIOS
from benchmarks.fleet.traffic import Scenario

_COLUMNS = (
    "scenario", "requests", "lost", "wrong", "cold", "unseen", "wrong otherwise", "late", "blind hits", "$ told / true",
    "fault $ told / gained", "blamed",
)  # fmt: skip
_SHOWN = 3
_WIDTH = 150


def main() -> None:
    """Run the scenarios and print a table per number of processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--processes", default="1,4,16,64", help="numbers of processes, separated by commas")
    parser.add_argument("--seeds", type=int, default=1, help="number of runs of each scenario (default: 1)")
    parser.add_argument(
        "--memory", choices=MEMORIES, default="process", help="what the processes remember with"
    )
    parser.add_argument("--only", default="", help="scenarios whose names contain this")
    parser.add_argument(
        "--first-token-seconds",
        type=float,
        default=FIRST_TOKEN_SECONDS,
        help="seconds until the provider answers",
    )
    parser.add_argument("--jobs", type=int, default=1, help="number of scenarios to run at a time")
    options = parser.parse_args()
    console = Console(width=_WIDTH)
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    for processes in map(int, options.processes.split(",")):
        table = Table(*_COLUMNS, title=f"{processes} processes, memory: {options.memory}")
        all_outcomes: list[Outcome] = []
        confusions: list[str] = []
        run_all = partial(
            outcomes_of,
            processes=processes,
            seeds=options.seeds,
            memory=options.memory,
            first_token_seconds=options.first_token_seconds,
        )
        for scenario, outcomes in zip(chosen, _run_at_a_time(run_all, chosen, options.jobs), strict=True):
            of_scenario = figures(outcomes, scenario.fault)
            table.add_row(scenario.name, *_row(of_scenario))
            confusions += _confusions(scenario.name, of_scenario)
            all_outcomes += outcomes
        table.add_section()
        table.add_row("all", *_row(figures(all_outcomes)))
        console.print(table)
        console.print(*confusions, sep="\n", highlight=False)


def _run_at_a_time(
    run_all: Callable[[str], list[Outcome]], chosen: Sequence[Scenario], jobs: int
) -> Iterable[list[Outcome]]:
    names = [scenario.name for scenario in chosen]
    if jobs == 1:
        yield from map(run_all, names)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(run_all, names)


def _row(of: Figures) -> Iterable[str]:
    yield f"{of.requests:,}"
    yield f"{of.lost:,}"
    yield _share(of.wrong, of.lost)
    yield _share(of.cold, of.lost)
    yield _share(of.unseen, of.lost)
    yield f"{of.wrong_otherwise}"
    yield "" if of.late is None else _share(of.late, of.requests)
    yield _share(of.blind_hits, of.hits)
    yield f"{of.told_usd:.3f} / {of.true_usd:.3f}"
    yield "" if of.fault_usd is None else f"{of.fault_usd:.3f} / {of.repair_usd or 0:.3f}"
    yield f"{of.blamed} of {of.not_the_applications}"


def _confusions(name: str, of: Figures) -> Iterable[str]:
    """The most frequent mistakes: true reason and diagnosed reason."""
    most = of.confusions.most_common(_SHOWN)
    if most:
        yield f"{name}: " + ", ".join(f"{true} → {told} {number}" for (true, told), number in most)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


if __name__ == "__main__":
    main()
