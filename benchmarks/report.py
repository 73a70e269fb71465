"""Runs all benchmarks and prints their tables.

Run it with `python -m benchmarks.report [--quick] [--calls N] [--only A,B] [--workloads PART ...]`.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import allocations, concurrency, counts, imports, memory, overhead, turns
from benchmarks.messages import overhead as messages
from benchmarks.options import parse

_OF_OURS = (turns, allocations, concurrency, memory, counts)
"""Benchmarks that compare this package's instrumentation with none."""


def main() -> None:
    """Compare the instrumentations first, then measure ours in detail."""
    options = parse(__doc__)
    overhead.report(options)
    messages.report(is_quick=options.is_quick)
    as_usual = replace(options, calls=None)  # it is for calls of a workload only
    imports.report(as_usual)
    for part in _OF_OURS:
        part.report(as_usual)


if __name__ == "__main__":
    main()
