"""Prints to standard error; failing to do so is not an error."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TextIO, cast

from otel_promptcache.core.quoting import cut, printable

_MAX_CHARS = 1_000

_LOOK_ALIKES = {"\N{EN DASH}": "-", "→": ">", "·": "|", "…": "~", "━": "=", "─": "-", "│": "|"}
"""Characters that we print, and their equally wide replacements in an encoding that lacks them."""
_ERRORS = "otel_promptcache.look_alikes"


def _look_alikes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace one of our characters with one that looks like it, and any other with its escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if character in _LOOK_ALIKES:
        return _LOOK_ALIKES[character], error.start + 1
    return codecs.backslashreplace_errors(error)


codecs.register_error(_ERRORS, _look_alikes)


def say(line: str) -> None:
    """Print one line, with control characters shown as escapes."""
    write(f"otel-promptcache: {cut(printable(line), _MAX_CHARS)}\n")


def write(text: str) -> None:
    """Print our own text. Never raises: standard error may be closed, full, or in another encoding."""
    stream = cast("TextIO | None", sys.stderr)  # a process may have none
    if stream is None:
        return
    tolerate(stream)
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # Python would try again at exit, fail, and change the exit code.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # open until exit


def tolerate(stream: TextIO) -> None:
    """Make a stream show characters that its encoding lacks as look-alikes, or as escapes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)
