"""Measures the CPU time that is added to a call of Anthropic's SDK, each variant in a process of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict

from benchmarks.child import be_quiet
from benchmarks.display import print_section, print_table, progress
from benchmarks.environments import ROOT
from benchmarks.messages.variants import VARIANTS
from benchmarks.messages.workloads import WORKLOADS, calling
from benchmarks.overhead import added_cell, median
from benchmarks.sampling import Comparison, Side, alternate
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry

_ROUNDS, _QUICK_ROUNDS = 15, 3
_SAMPLE_CALLS = 60
_EARLIER_CALLS = 600
"""Calls before the first sample: more than the prompts that we remember, as in a service that has run for long."""

Measured = Mapping[str, Comparison]
"""By workload."""


def report(*, is_quick: bool) -> None:
    """Measure all variants that are installed, and print a table."""
    there = [name for name, variant in VARIANTS.items() if variant.is_installed]
    measured: dict[str, Measured] = {}
    with progress(len(there)) as advance:
        for name in there:
            advance(f"messages: {name}")
            measured[name] = _measured(name, _QUICK_ROUNDS if is_quick else _ROUNDS)
    missing = ", ".join(name for name in VARIANTS if name not in there)
    print_section(
        "CPU time added to a call of Anthropic's SDK",
        "µs added to a call, and in brackets the ratio of on to off with half its interquartile range; each compared "
        "with its own neighbouring samples. Each call asks a new question."
        + (f" Not installed: {missing}." if missing else ""),
    )
    print_table(
        ("Workload", "off µs", *there),
        [
            (
                workload,
                f"{median([sample for each in measured.values() for sample in each[workload].off]) * 1e6:,.0f}",
                *(added_cell(measured[name][workload]) for name in there),
            )
            for workload in WORKLOADS
        ],
    )


def tell(name: str, rounds: int, *, calls: int = _SAMPLE_CALLS, earlier_calls: int = _EARLIER_CALLS) -> None:
    """Compare each workload in this process with a variant on and off, and print the comparisons as JSON."""
    be_quiet()
    found: dict[str, Comparison] = {}
    variant = VARIANTS[name]
    with closing(Telemetry()) as telemetry, calling() as without:
        for workload in WORKLOADS:
            without(workload, 1)  # the SDK imports its parts on first use
        switch = Switch(lambda: variant.install(telemetry))
        gc.collect()
        gc.freeze()
        with calling(**variant.client_settings(telemetry)) as run:
            for workload in WORKLOADS:
                off = Side(switch.off, lambda calls, workload=workload: without(workload, calls))
                on = Side(switch.on, lambda calls, workload=workload: run(workload, calls))
                on.turn_to()
                on.run(earlier_calls)
                found[workload] = alternate(
                    off, on, range(rounds), telemetry, calls=calls, warm_up_calls=calls // 3
                )
            switch.off()
    print(json.dumps({workload: asdict(each) for workload, each in found.items()}))  # noqa: T201  # for `report`


def _measured(name: str, rounds: int) -> Measured:
    code = f"from benchmarks.messages import overhead; overhead.tell({name!r}, {rounds})"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    document = json.loads(done.stdout.splitlines()[-1])
    return {workload: Comparison(**each) for workload, each in document.items()}
