"""What is said on standard error; where it cannot be, that is no error."""

from __future__ import annotations

import os
import sys
from typing import TextIO, cast

from otel_promptcache.core.quoting import cut, printable

_MAX_CHARS = 1_000


def say(line: str) -> None:
    """Print one line, with control characters shown by their escapes."""
    write(f"otel-promptcache: {cut(printable(line), _MAX_CHARS)}\n")


def write(text: str) -> None:
    """Print text of ours. Never raises: standard error may be closed, full, or of another encoding."""
    stream = cast("TextIO | None", sys.stderr)  # a process may have none
    if stream is None:
        return
    tolerate(stream)
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # Python would try again at exit, fail, and change the exit code.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # until the end


def tolerate(stream: TextIO) -> None:
    """Have a stream show characters by their escapes that its encoding lacks."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
