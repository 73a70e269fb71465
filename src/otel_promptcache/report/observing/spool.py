"""The directory in which the processes of a run leave what they saw, and what stands in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from otel_promptcache.report.observing.folder import Folder

DIRECTORY_VARIABLE = "OTEL_PROMPTCACHE_RUN_DIRECTORY"
"""The environment variable that tells a process where to write; `bootstrap/sitecustomize.py` reads it, too."""

PYTHON_STARTED = "python"
"""An empty file: some process was a Python that ran our start-up code."""
CALLS = ".calls"
"""After a process id: one JSON object a line for each finished call. It is there once openai is observed."""
DROPPED = ".dropped"
"""After a process id: one byte for each call that was not written."""
NOTES = ".notes"
"""After a process id: a line for each thing to know about what was observed."""

MAX_CALLS = 200_000
"""How many calls a process writes."""

MAX_LINE_BYTES = 1 << 20
"""How long a line may be."""


class Spool:
    """Writes what one process sees. Never raises, and holds no file open.

    A program may close all its files, fork, or change its directory; the id of the process is looked up and the
    file opened for each line, so that none of this can make us write into anything else. A line is written at
    once: what a killed process had seen is there.
    """

    def __init__(self, directory: str, max_calls: int = MAX_CALLS) -> None:
        self.directory = directory
        self._max_calls = max_calls
        self._process, self._written = os.getpid(), 0

    def call(self, attributes: Mapping[str, object], started_ns: int, ended_ns: int) -> None:
        """Write a finished call; beyond the limit, count it only."""
        if self._process != os.getpid():
            self._process, self._written = os.getpid(), 0
        if self._written >= self._max_calls:
            self._append(DROPPED, b".")
            return
        # Threads that get here together may exceed the limit by one each, which does no harm.
        self._written += 1
        line = _line({"start": started_ns, "end": ended_ns, "attributes": attributes})
        if line and len(line) <= MAX_LINE_BYTES:
            self._append(CALLS, line)
        else:
            self._append(DROPPED, b".")

    def observes(self) -> None:
        """Say that this process observes the SDK, whether or not a call will follow."""
        self._append(CALLS, b"")

    def note(self, text: str) -> None:
        """Leave a line about what is observed."""
        self._append(NOTES, " ".join(text.split()).encode("utf-8", "backslashreplace") + b"\n")

    def _append(self, suffix: str, data: bytes) -> None:
        try:
            with Folder(self.directory) as folder:
                file = folder.open(f"{os.getpid()}{suffix}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                try:
                    os.write(file, data)
                finally:
                    os.close(file)
        except (OSError, ValueError):
            # The run is over and its directory gone, the disk is full, the process may not write there, or what is
            # there could be somebody else's.
            return


def _line(record: object) -> bytes:
    """The record as a line of JSON; empty where it cannot be one."""
    try:
        return json.dumps(record, separators=(",", ":"), default=str).encode() + b"\n"
    except (ValueError, TypeError, RecursionError):  # of an integer that Python refuses to write, or a cycle
        return b""
