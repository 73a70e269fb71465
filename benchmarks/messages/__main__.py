"""Measures the CPU time that each instrumentation adds to a call of Anthropic's SDK, and the SDK's own spans.

Run it with `python -m benchmarks.messages [--quick] [--callgrind]`.
"""

from __future__ import annotations

import argparse

from benchmarks.messages import instructions, overhead


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    parser.add_argument("--callgrind", action="store_true", help="count machine instructions, with valgrind")
    given = parser.parse_args()
    if given.callgrind:
        instructions.report()
    else:
        overhead.report(is_quick=given.quick)


if __name__ == "__main__":
    main()
