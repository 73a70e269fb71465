"""Measures the CPU time that each instrumentation adds to a call of Anthropic's SDK, and the SDK's own spans.

Run it with `python -m benchmarks.messages [--quick]`.
"""

from __future__ import annotations

import argparse

from benchmarks.messages import overhead


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    overhead.report(is_quick=parser.parse_args().quick)


if __name__ == "__main__":
    main()
