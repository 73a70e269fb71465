"""Reads what the processes of a run left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from otel_promptcache.report.record import CallRecord
from otel_promptcache.report.spool import CALLS, DROPPED, NOTES, PYTHON_STARTED

MAX_CALLS = 500_000
"""How many calls a report is made of; they are all in memory at once."""

_NS_PER_SECOND = 1e9


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a run."""

    calls: tuple[CallRecord, ...]
    processes: int
    """In how many processes the SDK was observed."""
    dropped: int
    """Calls that were made, but are not in `calls`: there were too many."""
    notes: tuple[str, ...]
    """What kept us from observing, and faults of our own."""
    has_python: bool
    """Some process was a Python that could have been observed."""


def gather(directory: Path, max_calls: int = MAX_CALLS) -> Gathered:
    """Read the calls of all processes; a line that was cut off by a kill is left out."""
    calls: list[CallRecord] = []
    dropped = sum(file.stat().st_size for file in directory.glob(f"*{DROPPED}"))
    files = sorted(directory.glob(f"*{CALLS}"))
    for file in files:
        for call in _calls(file):
            if len(calls) < max_calls:
                calls.append(call)
            else:
                dropped += 1
    notes = {line: None for file in sorted(directory.glob(f"*{NOTES}")) for line in _lines(file)}
    return Gathered(tuple(calls), len(files), dropped, tuple(notes), (directory / PYTHON_STARTED).exists())


def _calls(file: Path) -> Iterator[CallRecord]:
    return (call for line in _lines(file) if (call := _call(line)) is not None)


def _call(line: str) -> CallRecord | None:
    """The call that a line describes; None where it is not whole."""
    try:
        document = cast("dict[str, Any]", json.loads(line))
        return CallRecord.from_attributes(
            document["attributes"],
            started_seconds=document["start"] / _NS_PER_SECOND,
            ended_seconds=document["end"] / _NS_PER_SECOND,
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            yield line.rstrip("\n")
