"""Measures what importing and installing each instrumentation adds to the startup of an application.

Run it with `python -m benchmarks.imports [--quick] [--only A,B]`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from benchmarks.display import print_section, print_table, progress
from benchmarks.environments import ROOT, NotInstalledError, environment, interpreter
from benchmarks.instrumentations import SIGNALS, Instrumentation
from benchmarks.options import Options, parse
from benchmarks.sampling import Spread

_ROUNDS, _QUICK_ROUNDS = 9, 2


def main() -> None:
    """Measure and print one table."""
    report(parse(__doc__))


def report(options: Options) -> None:
    """Start a fresh process for each sample; the instrumentations take turns."""
    rounds = _QUICK_ROUNDS if options.is_quick else _ROUNDS
    instrumentations = [each for each in options.instrumentations if each.name != SIGNALS]  # imports nothing
    samples: dict[str, list[float | str]] = {each.name: [] for each in instrumentations}
    with progress(rounds + 1) as advance:
        for turn in range(rounds + 1):
            advance(f"imports: round {turn} of {rounds}")
            for each in instrumentations:
                samples[each.name].append(_seconds(each))
    print_section(
        "CPU time added to the start of an application",
        "Importing the package and installing the instrumentation, in fresh processes that have already imported "
        "`openai`, its chat and responses, OpenTelemetry's API and `wrapt`.",
    )
    print_table(("Instrumentation", "ms", "quartiles"), [_row(*each) for each in samples.items()])


def _row(name: str, samples: Sequence[float | str]) -> tuple[str, str, str]:
    figures = [
        each * 1e3 for each in samples[1:] if not isinstance(each, str)
    ]  # the first compiles the modules
    if len(figures) < len(samples) - 1:
        return name, "", next(each for each in samples if isinstance(each, str))
    spread = Spread.of(figures)
    return name, f"{spread.median:,.1f}", f"{spread.low:,.1f} - {spread.high:,.1f}"


def _seconds(instrumentation: Instrumentation) -> float | str:
    """The CPU seconds that a fresh process reports, or why there are none."""
    try:
        python = interpreter(instrumentation)
    except NotInstalledError:
        return "not installed"
    command = [python, "-W", "ignore", "-m", "benchmarks.loading", instrumentation.name]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment(instrumentation), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    return float(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
