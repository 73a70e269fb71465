"""Measures each instrumentation in its own environment, and gathers the results."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.environments import ROOT, NotInstalledError, environment, interpreter
from benchmarks.instrumentations import Instrumentation
from benchmarks.sampling import Comparison, Effort

Run = tuple[str, bool]
"""Name of a workload, and whether the asynchronous client runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The results of one instrumentation."""

    instrumentation: Instrumentation
    version: str
    """Version of its package; empty if it was not installed."""
    comparisons: dict[Run, Comparison]
    errors: dict[Run, str]
    failure: str = ""
    """Why results are missing; empty if none are."""


def measure(
    instrumentation: Instrumentation,
    workloads: Sequence[str],
    effort: Effort,
    advance: Callable[[str], None],
) -> Measured:
    """Measure the workloads whose names contain these parts; errors are part of the result."""
    version, failure = "", ""
    comparisons: dict[Run, Comparison] = {}
    errors: dict[Run, str] = {}
    task = {"name": instrumentation.name, "workloads": workloads, "effort": asdict(effort)}
    try:
        for found in _documents(instrumentation, task):
            if "version" in found:
                version = found["version"]
            elif "begins" in found:
                advance(f"{instrumentation.name}: {run_name(tuple(found['begins'].values()))}")
            elif "error" in found:
                errors[found["workload"], found["is_async"]] = found["error"]
            else:
                comparisons[found["workload"], found["is_async"]] = Comparison(**found["comparison"])
    except NotInstalledError as error:
        failure = f"not installed: {error}"
    except subprocess.CalledProcessError as error:
        failure = f"stopped: {error.stderr}"
    return Measured(
        instrumentation=instrumentation,
        version=version,
        comparisons=comparisons,
        errors=errors,
        failure=failure,
    )


def run_name(run: Run) -> str:
    """Name of a run in the tables."""
    workload, is_async = run
    return f"{workload}, async" if is_async else workload


def _documents(instrumentation: Instrumentation, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    command = [interpreter(instrumentation), "-m", "benchmarks.child", json.dumps(task)]
    # A file, because some write more to stderr in one run than a pipe buffers.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noise,
        subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=environment(instrumentation),
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        yield from map(json.loads, process.stdout)
        if process.wait():
            noise.seek(0)
            last_line = (noise.read().strip().splitlines() or [""])[-1]
            raise subprocess.CalledProcessError(process.returncode, command, stderr=last_line)
