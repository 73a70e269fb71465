"""The directory in which the processes of a run record what they saw, and its files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from otel_promptcache.report.observing.folder import Folder

DIRECTORY_VARIABLE = "OTEL_PROMPTCACHE_RUN_DIRECTORY"
"""The environment variable that tells a process where to write; `bootstrap/sitecustomize.py` reads it, too."""

PYTHON_STARTED = "python"
"""One line for each Python process that ran our start-up code: its id."""
CALLS = ".calls"
"""After a process id: a line of JSON for each finished call. The file exists once an SDK is observed."""
DROPPED = ".dropped"
"""After a process id: one byte for each call that was not written."""
NOTES = ".notes"
"""After a process id: a line for each note on what was observed."""

MAX_CALLS = 200_000
"""How many calls a process writes."""

MAX_LINE_BYTES = 1 << 20
"""How long a line may be."""


class Spool:
    """Writes what one process sees. Never raises, and keeps no file open.

    A program may close all its files, fork, or change its directory. So the process id is looked up and the file
    opened for each line, and none of this can make us write to another file. A line is written immediately: what
    a killed process saw is not lost.
    """

    def __init__(self, directory: str, max_calls: int = MAX_CALLS) -> None:
        self.directory = directory
        self._max_calls = max_calls
        self._process, self._written = os.getpid(), 0

    def call(self, attributes: Mapping[str, object], started_ns: int, ended_ns: int) -> None:
        """Write a finished call; beyond the limit, only count it."""
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
        """Record that this process observes the SDK, whether or not a call follows."""
        self._append(CALLS, b"")

    def note(self, text: str) -> None:
        """Write a note on what is observed."""
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
            # The run is over and its directory gone, the disk is full, the process may not write there, or the file
            # could be someone else's.
            return


def _line(record: object) -> bytes:
    """The record as a line of JSON; empty if it cannot be one."""
    try:
        return json.dumps(record, separators=(",", ":"), default=str).encode() + b"\n"
    except (ValueError, TypeError, RecursionError):  # an integer that Python refuses to write, or a cycle
        return b""
