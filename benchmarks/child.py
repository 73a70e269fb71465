"""Measures one instrumentation inside its own environment; `benchmarks.overhead` starts it.

Each line on stdout is a JSON document: what is about to be measured, or a result.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, NoReturn, TextIO

from benchmarks.instrumentations import Instrumentation, by_name
from benchmarks.sampling import Effort, compare, subject
from benchmarks.switch import Switch
from benchmarks.telemetry import Telemetry
from benchmarks.workloads import Workload, selected


def main() -> NoReturn:
    """Measure what the argument asks for: a JSON document with a name, the effort and the workloads."""
    task = json.loads(sys.argv[1])
    # Some instrumentations print to stdout.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as out:
        os.dup2(2, 1)
        be_quiet()
        measure(by_name(task["name"]), selected(task["workloads"]), Effort(**task["effort"]), out)
    # Skip the exit handlers: those of some instrumentations look for a server.
    os._exit(0)


def be_quiet() -> None:
    """Keep this process from logging, warning and connecting."""
    # Some warn in every call, for example once for each attribute beyond a span's limit. How warnings are
    # handled is up to the application, so their cost must not be measured.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    socket.socket.connect = _refuse  # type: ignore[method-assign]


def _refuse(*_: object) -> NoReturn:
    raise ConnectionRefusedError("nothing here may use the network")


def measure(
    instrumentation: Instrumentation, workloads: Sequence[Workload], effort: Effort, out: TextIO
) -> None:
    """Compare each workload with both clients, and write a line before and after each comparison."""

    def tell(**document: Any) -> None:
        print(json.dumps(document), file=out, flush=True)

    if instrumentation.distribution:
        tell(version=version(instrumentation.distribution))
    for workload in workloads:
        for is_async in (False, True):
            with subject(workload, is_async=is_async) as run:
                run(1)  # the SDK imports its parts on first use
    with closing(Telemetry()) as telemetry:
        switch = Switch(lambda: instrumentation.install(telemetry))
        # Imported modules are not garbage; once they are frozen, the collection before each sample is quick.
        gc.collect()
        gc.freeze()
        for workload in workloads:
            for is_async in (False, True):
                which = {"workload": workload.name, "is_async": is_async}
                tell(begins=which)
                try:
                    comparison = compare(workload, switch, telemetry, effort, is_async=is_async)
                except Exception as error:  # noqa: BLE001  # the other workloads are still of interest
                    tell(**which, error=f"{type(error).__name__}: {error}"[:200])
                else:
                    tell(**which, comparison=asdict(comparison))


if __name__ == "__main__":
    main()
