"""Checks that a server which forks its workers after making calls itself reports every call from its own process.

Run it with `python -m benchmarks.forking`. It needs `os.fork`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import openai

from benchmarks import answers
from benchmarks.display import print_table
from benchmarks.telemetry import Telemetry
from benchmarks.transport import sync_client
from benchmarks.workloads import Workload, short_chat

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """The calls that one process made, and what it reports."""

    made: int
    requests: float
    input_tokens: float
    spans: int
    durations: float
    """Count of a histogram. OpenTelemetry keeps its state, so a forked child begins with its parent's."""


def run(workers: int, parent_calls: int, worker_calls: int) -> Sequence[ProcessCounts]:
    """Make calls, fork that many workers, and let each make calls and report.

    Returns:
        The parent's counts, then the workers'.

    Raises:
        TimeoutError: A worker did not report; it was killed.
    """
    workload = short_chat()
    with (
        closing(Telemetry()) as telemetry,
        sync_client(workload.answer) as client,
        telemetry.instrumented(),
    ):
        _make(workload, client, parent_calls)
        counted = [_in_a_fork(workload, client, worker_calls, telemetry) for _ in range(workers)]
        return [_counts(parent_calls, telemetry, spans_before=0), *counted]


def _make(workload: Workload, client: openai.OpenAI, calls: int) -> None:
    for index in range(calls):
        workload.call(client, index)


def _counts(made: int, telemetry: Telemetry, *, spans_before: int) -> ProcessCounts:
    telemetry.collect()
    return ProcessCounts(
        made=made,
        requests=telemetry.total("promptcache.requests"),
        input_tokens=telemetry.total("promptcache.tokens"),
        spans=telemetry.spans() - spans_before,
        durations=telemetry.total("gen_ai.client.operation.duration"),
    )


def _in_a_fork(workload: Workload, client: openai.OpenAI, calls: int, telemetry: Telemetry) -> ProcessCounts:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns about running threads. They are the SDK's, which restarts them in the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            spans_before = telemetry.spans()
            _make(workload, client, calls)
            os.write(
                writing, json.dumps(asdict(_counts(calls, telemetry, spans_before=spans_before))).encode()
            )
            status = 0
        finally:
            os._exit(status)  # whatever happens, the child must not continue as the parent
    os.close(writing)
    try:
        if not select.select([reading], [], [], _PATIENCE_SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"a worker did not report within {_PATIENCE_SECONDS} s")
        return ProcessCounts(**json.loads(os.read(reading, 65_536)))
    finally:
        os.close(reading)
        os.waitpid(child, 0)


def main() -> int:
    """Print what each process made and reports; return 1 if a call is missing or counted twice."""
    counts = run(workers=4, parent_calls=200, worker_calls=100)
    rows = [
        (
            f"worker {number}" if number else "parent",
            f"{each.made:,}",
            f"{each.requests:,.0f}",
            f"{each.input_tokens / answers.INPUT_TOKENS:,.0f}",
            f"{each.spans:,}",
            f"{each.durations:,.0f}",
        )
        for number, each in enumerate(counts)
    ]
    print_table(("Process", "made", "requests", "tokens / call", "spans", "durations"), rows)
    return int(any({each.requests, each.spans} != {each.made} for each in counts))


if __name__ == "__main__":
    sys.exit(main())
