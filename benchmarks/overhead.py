"""Measures the CPU time that each instrumentation adds to a call and to a chunk of a stream.

Run it with `python -m benchmarks.overhead [--quick] [--calls N] [--only A,B] [--workloads PART ...]`.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from benchmarks.display import print_lines, print_section, print_table, progress
from benchmarks.options import Options, parse
from benchmarks.peers import Measured, Run, measure, run_name
from benchmarks.sampling import Comparison, Effort
from benchmarks.workloads import Workload

_THOROUGH, _QUICK = Effort(min_rounds=9, seconds=3.0), Effort(min_rounds=3, seconds=0.2)
_SEEN = 0.5


def main() -> None:
    """Measure what the command line asks for."""
    report(parse(__doc__))


def report(options: Options) -> None:
    """Measure the workloads with all instrumentations; print the cost of a call and that of a chunk."""
    workloads = options.selected_workloads()
    if options.calls is None:
        effort = _QUICK if options.is_quick else _THOROUGH
    else:
        effort = Effort(min_rounds=2, calls=options.calls)
    chosen = options.instrumentations
    with progress(len(chosen) * len(workloads) * 2) as advance:
        measured = [measure(each, options.workloads, effort, advance) for each in chosen]
    there = [each for each in measured if each.comparisons]
    if there:
        _print_calls(workloads, there)
        _print_chunks(workloads, there)
    print_lines(_notes(measured))


def _print_calls(workloads: Sequence[Workload], measured: Sequence[Measured]) -> None:
    """Print one table: workloads by instrumentations."""
    print_section(
        "CPU time added to a call",
        "µs added to a call, and in brackets the ratio of on to off with half its interquartile range; each compared "
        "with its own neighbouring samples. `off again` is an instrumentation that does nothing: the noise.",
    )
    headers = ("Workload", "off µs", *(each.instrumentation.name for each in measured))
    runs: list[Run] = [(each.name, is_async) for each in workloads for is_async in (False, True)]
    print_table(headers, [(run_name(run), _off(run, measured), *_cells(run, measured)) for run in runs])


def _off(run: Run, measured: Sequence[Measured]) -> str:
    """Median over all samples of all instrumentations."""
    samples = [sample for each in measured if run in each.comparisons for sample in each.comparisons[run].off]
    return f"{median(samples) * 1e6:,.0f}" if samples else ""


def median(samples: Sequence[float]) -> float:
    """The middle of some samples."""
    return sorted(samples)[len(samples) // 2]


def _cells(run: Run, measured: Sequence[Measured]) -> Iterator[str]:
    for each in measured:
        comparison = each.comparisons.get(run)
        if comparison is None:
            yield "failed"
        elif each.instrumentation.distribution and not _is_seen(comparison):
            yield "not seen"
        else:
            yield added_cell(comparison)


def added_cell(comparison: Comparison) -> str:
    """What is added, in µs, and the ratio of on to off with half its interquartile range."""
    ratio = comparison.ratio()
    added = comparison.added().median * 1e6
    return f"{added:+,.0f} ({ratio.median:.2f} ±{(ratio.high - ratio.low) / 2:.2f})"


def _is_seen(comparison: Comparison) -> bool:
    return comparison.spans > _SEEN


def _print_chunks(workloads: Sequence[Workload], measured: Sequence[Measured]) -> None:
    """Print the slope between a short stream and a long one, which leaves out the fixed cost of a call."""
    pairs = [
        (short, long)
        for short in workloads
        for long in workloads
        if short.is_chat == long.is_chat and 0 < short.events < long.events
    ]
    rows = [
        (_chunk_name(long, is_async=is_async), *_slopes(short, long, measured, is_async=is_async))
        for short, long in pairs
        for is_async in (False, True)
    ]
    if rows:
        print_section(
            "CPU time added to a chunk of a stream", "µs, as the slope between two lengths of a stream."
        )
        print_table(("Stream", *(each.instrumentation.name for each in measured)), rows)


def _chunk_name(workload: Workload, *, is_async: bool) -> str:
    return ("chat" if workload.is_chat else "responses") + (", async" if is_async else "")


def _slopes(
    short: Workload, long: Workload, measured: Sequence[Measured], *, is_async: bool
) -> Iterator[str]:
    for each in measured:
        ends = [each.comparisons.get((workload.name, is_async)) for workload in (short, long)]
        found = [end for end in ends if end is not None]
        if len(found) < len(ends):
            yield "failed"
        elif each.instrumentation.distribution and not all(map(_is_seen, found)):
            yield "not seen"
        else:
            first, last = (end.added().median * 1e6 for end in found)
            yield f"{(last - first) / (long.events - short.events):.2f}"


def _notes(measured: Sequence[Measured]) -> Iterator[str]:
    sdks = ", ".join(f"{name} {version(name)}" for name in ("openai", "opentelemetry-sdk"))
    yield f"Python {platform.python_version()}, {sdks}."
    yield ""
    for each in measured:
        name = each.instrumentation.name
        if each.version:
            remark = f"; {each.instrumentation.remark}" if each.instrumentation.remark else ""
            yield f"- {name}: {each.instrumentation.distribution} {each.version}{remark}"
        if each.failure:
            yield f"- {name}: {each.failure}"
        yield from (f"- {name}, {run_name(run)}: {error}" for run, error in each.errors.items())
    yield ""


if __name__ == "__main__":
    main()
