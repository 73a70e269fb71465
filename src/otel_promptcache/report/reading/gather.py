"""Reads what the processes of a run left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from otel_promptcache.core.quoting import cut
from otel_promptcache.report.observing.folder import Folder
from otel_promptcache.report.observing.spool import CALLS, DROPPED, MAX_LINE_BYTES, NOTES, PYTHON_STARTED
from otel_promptcache.report.reading.processes import running
from otel_promptcache.report.reading.record import CallRecord

MAX_CALLS = 500_000
"""How many calls a report covers; they are all in memory at the same time."""

_NS_PER_SECOND = 1e9
_MAX_NS = 1 << 62
"""In the year 2116."""

# What processes write may be broken or hostile: reading it takes bounded time and memory.
_MAX_FILE_BYTES = 1 << 30
_MAX_NOTES, _MAX_NOTE_CHARS = 100, 1_000
_MAX_PROCESSES = 10_000


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a run."""

    calls: tuple[CallRecord, ...]
    processes: int
    """In how many processes the SDK was observed."""
    dropped: int
    """Calls that were made, but are not in `calls`, because there were too many."""
    notes: tuple[str, ...]
    """What kept us from observing, and our own failures."""
    has_python: bool
    """Whether some process was a Python that could have been observed."""
    still_running: int = 0
    """Processes that were still running when the program had ended."""


def gather(directory: Path, max_calls: int = MAX_CALLS) -> Gathered:
    """Read the calls of all processes, without lines that are not a complete call and files that are not our own."""
    try:
        with Folder(str(directory)) as folder:
            return _gather(folder, max_calls)
    except OSError as error:  # the program has removed or replaced it
        return Gathered((), 0, 0, (f"nothing could be read: {error.strerror or error}",), has_python=False)


def _gather(folder: Folder, max_calls: int) -> Gathered:
    names = folder.names()
    files = [name for name in names if name.endswith(CALLS) and _size_bytes(folder, name) is not None]
    dropped = sum(_size_bytes(folder, name) or 0 for name in names if name.endswith(DROPPED))
    calls: list[CallRecord] = []
    for process, name in enumerate(files):
        for call in _calls(folder, name, process):
            if len(calls) < max_calls:
                calls.append(call)
            else:
                dropped += 1
    notes: dict[str, None] = {}
    for name in names:
        if name.endswith(NOTES):
            for line in islice(_lines(folder, name), _MAX_NOTES - len(notes)):
                notes[cut(line, _MAX_NOTE_CHARS)] = None
    started = islice(_lines(folder, PYTHON_STARTED), _MAX_PROCESSES)
    still_running = running([*started, *(name.removesuffix(CALLS) for name in files[:_MAX_PROCESSES])])
    return Gathered(tuple(calls), len(files), dropped, tuple(notes), PYTHON_STARTED in names, still_running)


def _calls(folder: Folder, name: str, process: int) -> Iterator[CallRecord]:
    return (call for line in _lines(folder, name) if (call := _call(line, process)) is not None)


def _call(line: str, process: int) -> CallRecord | None:
    """The call that a line describes; None if the line is not complete."""
    try:
        document = cast("dict[str, Any]", json.loads(line))
        started_ns, ended_ns = document["start"], document["end"]
        if not _is_time(started_ns) or not _is_time(ended_ns):
            return None
        return CallRecord.from_attributes(
            document["attributes"],
            started_seconds=started_ns / _NS_PER_SECOND,
            ended_seconds=ended_ns / _NS_PER_SECOND,
            process=process,
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_NS


def _lines(folder: Folder, name: str) -> Iterator[str]:
    """The lines of a file, except those that are too long; none if the file could be someone else's."""
    try:
        descriptor = folder.open(name, os.O_RDONLY)
    except OSError:
        return
    with os.fdopen(descriptor, "rb") as file:
        size_bytes, is_rest = 0, False
        while size_bytes < _MAX_FILE_BYTES and (line := file.readline(MAX_LINE_BYTES + 1)):
            size_bytes += len(line)
            is_whole = line.endswith(b"\n")
            if not is_rest and len(line) <= MAX_LINE_BYTES:
                yield line.rstrip(b"\n").decode("utf-8", "replace")
            is_rest = not is_whole


def _size_bytes(folder: Folder, name: str) -> int | None:
    """How large a file is; None if it could be someone else's."""
    try:
        descriptor = folder.open(name, os.O_RDONLY)
    except OSError:
        return None
    try:
        return min(os.fstat(descriptor).st_size, _MAX_FILE_BYTES)
    finally:
        os.close(descriptor)
