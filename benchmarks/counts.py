"""Counts what a call runs inside the package: the same on every machine with the same versions.

Run it with `python -m benchmarks.counts [--workloads PART ...] [--callgrind]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, fields

from benchmarks import callgrind
from benchmarks.counting import Counts, count
from benchmarks.display import print_section, print_table, progress
from benchmarks.options import Options, parse
from benchmarks.ours import switched
from benchmarks.peers import run_name
from benchmarks.sampling import subject
from benchmarks.telemetry import Telemetry
from benchmarks.transport import sync_client
from benchmarks.workloads import (
    AGENT_TURNS,
    MESSAGES_PER_TURN,
    Workload,
    agent_turn,
    chat_stream,
    response_stream,
)

Stream = Callable[[int], Workload]
"""Makes a stream of that many events."""

_STREAM_EVENTS = (50, 150)
_TURNS = (10, 40)


def of_call(workload: Workload, *, is_async: bool = False) -> Counts:
    """Count one call of a service that has made many such calls."""
    with subject(workload, is_async=is_async) as run:
        run(workload.warm_up_calls)
        return count(functools.partial(run, 1))


def of_turn(workload: Workload, turn: int) -> Counts:
    """Count one turn of a conversation, after its earlier turns and another conversation."""
    with sync_client(workload.answer) as client:
        for _ in range(2):
            workload.begin()
            for index in range(turn):
                workload.call(client, index)
        return count(functools.partial(workload.call, client, turn))


def of_further_event(stream: Stream, *, is_async: bool = False) -> Counts:
    """Count what one more event adds to a stream."""
    short, long = _STREAM_EVENTS
    difference = of_call(stream(long), is_async=is_async) - of_call(stream(short), is_async=is_async)
    return difference / (long - short)


def of_further_message() -> Counts:
    """Count what one more message that was already sent adds to a turn."""
    early, late = _TURNS
    workload = agent_turn()
    return (of_turn(workload, late) - of_turn(workload, early)) / (MESSAGES_PER_TURN * (late - early))


def main() -> None:
    """Count, with valgrind if the command line asks for it."""
    options = parse(__doc__, knows_callgrind=True)
    (callgrind.report if options.has_callgrind else report)(options)


def report(options: Options) -> None:
    """Print one table."""
    with closing(Telemetry()) as telemetry, switched(telemetry) as switch:
        switch.on()
        rows = [(name, *(f"{value:,.6g}" for value in astuple(counts))) for name, counts in _all(options)]
    print_section("Counts", "What a call runs in this package, and what it asks of OpenTelemetry's SDK.")
    print_table(("Workload", *(each.name.replace("_", " ") for each in fields(Counts))), rows)


def _all(options: Options) -> Iterator[tuple[str, Counts]]:
    runs = [
        (workload, is_async)
        for workload in options.selected_workloads()
        if workload.sample_calls != AGENT_TURNS  # its calls differ from each other, see below
        for is_async in (False, True)
    ]
    with progress(len(runs) + 5) as advance:
        for workload, is_async in runs:
            name = run_name((workload.name, is_async))
            advance(f"counts: {name}")
            yield name, of_call(workload, is_async=is_async)
        advance("counts: turns of an agent")
        for turn in _TURNS:
            yield f"agent loop, turn {turn}", of_turn(agent_turn(), turn)
        yield "one more message that was sent before", of_further_message()
        for stream, name in ((chat_stream, "chunk of a chat"), (response_stream, "event of a responses")):
            for is_async in (False, True):
                advance("counts: streams")
                yield (
                    run_name((f"one more {name} stream", is_async)),
                    of_further_event(stream, is_async=is_async),
                )


if __name__ == "__main__":
    main()
