"""Everything that is measured, one table after the other.

Run it with `python -m benchmarks.report [--quick] [--calls N] [--only A,B] [--workloads PART ...]`.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import allocations, concurrency, counts, imports, memory, overhead, turns
from benchmarks.options import parse

_OF_OURS = (turns, allocations, concurrency, memory, counts)
"""What compares this package's instrumentation with none."""


def main() -> None:
    """Compare with others first, then look closer at ours."""
    options = parse(__doc__)
    overhead.report(options)
    as_usual = replace(options, calls=None)  # means calls of a workload; others count other things
    imports.report(as_usual)
    for part in _OF_OURS:
        part.report(as_usual)


if __name__ == "__main__":
    main()
