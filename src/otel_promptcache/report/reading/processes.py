"""Which processes of a run are still running after the program has ended."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

_MAX_ID = 1 << 31
_ID = re.compile(r"[0-9]{1,10}", re.ASCII)


def running(ids: Iterable[str]) -> int:
    """How many of these processes still exist; 0 on Windows, where this cannot be checked."""
    return sum(_is_running(int(one)) for one in set(ids) if _ID.fullmatch(one))


def _is_running(process: int) -> bool:
    if sys.platform == "win32" or not 0 < process < _MAX_ID:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    try:
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):  # not on Linux, or just ended
        return True
    return state not in (b"Z", b"X")  # ended, but not yet reaped
