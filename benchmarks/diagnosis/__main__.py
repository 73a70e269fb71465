"""Prints how often the diagnosis is right: `python -m benchmarks.diagnosis --seeds 20`."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.diagnosis.corpus import Verdict, run

_SHOWN = 20
_PROVIDER = "provider"


def confusion(verdicts: Sequence[Verdict]) -> Table:
    """Confusion matrix: a row per true reason, a column per diagnosed reason, with matching numbers."""
    told = sorted({str(verdict.reason) for verdict in verdicts})
    cells = Counter((str(verdict.true_reason), str(verdict.reason)) for verdict in verdicts)
    table = Table("", "true reason", *(str(number) for number, _ in enumerate(told, 1)), "right")
    for true in sorted({true for true, _ in cells}):
        row = [cells[true, name] for name in told]
        number = told.index(true) + 1 if true in told else ""
        right = cells[true, true] / sum(row)
        table.add_row(str(number), true, *(str(count or "") for count in row), f"{right:.1%}")
    return table


def summary(verdicts: Sequence[Verdict]) -> str:
    """The shares in one line, and how often the wrong side is blamed."""
    right = sum(verdict.is_right for verdict in verdicts)
    places = [verdict for verdict in verdicts if verdict.truth.path is not None and verdict.is_right]
    placed = sum(verdict.is_place_right for verdict in places)
    blamed = sum(verdict.reason == _PROVIDER and not verdict.is_right for verdict in verdicts)
    excused = sum(verdict.reason != _PROVIDER and _PROVIDER in verdict.truth.reasons for verdict in verdicts)
    shares = right / len(verdicts), placed / len(places)
    return (
        f"{len(verdicts):,} requests: {shares[0]:.2%} of the reasons are right, and {shares[1]:.2%} of {len(places):,} "
        f"places. Blamed on the provider by mistake: {blamed}; the other way around: {excused}."
    )


def main() -> None:
    """Run the corpus and print the table, the summary and the first mistakes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=10, help="number of runs of all applications (default: 10)"
    )
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    options = parser.parse_args()
    console = Console()
    verdicts = [
        verdict
        for seed in track(range(options.first, options.first + options.seeds), "Running", console=console)
        for verdict in run(seed)
    ]
    console.print(confusion(verdicts))
    console.print(summary(verdicts))
    mistakes = [verdict for verdict in verdicts if not (verdict.is_right and verdict.is_place_right)]
    for mistake in mistakes[:_SHOWN]:
        truth = mistake.truth
        expected = f"{sorted(map(str, truth.reasons))} {truth.path or ''} {sorted(truth.kinds)}"
        told = f"{mistake.reason} {mistake.path or ''} {mistake.kind or ''}"
        where = f"seed {mistake.seed}, {mistake.application}, request {mistake.number}"
        console.print(f"{where}: expected {expected}, told {told}", markup=False)


if __name__ == "__main__":
    main()
