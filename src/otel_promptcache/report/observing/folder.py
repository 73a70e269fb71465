"""Opens a folder and files that only their owner could have put there: nothing is followed, nothing is waited for.

Others may be able to guess where a process writes. What they place there, be it a link to a file of somebody else, a
second name of one, or a pipe that nobody reads, is refused. Windows has none of this, and permissions of its own.
"""

from __future__ import annotations

import os
import stat

_IS_POSIX = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY") and hasattr(os, "geteuid")
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOurOwnError(OSError):
    """Somebody else could have put it there."""


class Folder:
    """A folder that is open, for as long as the block runs.

    Raises:
        OSError: It is not there, or could be somebody else's.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> Folder:  # noqa: PYI034  # `Self` is new in Python 3.11
        if _IS_POSIX:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(descriptor)
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
                os.close(descriptor)
                raise NotOurOwnError("the folder could be somebody else's")
            self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        if _IS_POSIX:
            os.close(self._descriptor)

    def names(self) -> list[str]:
        """The names of all that is in it, sorted."""
        return sorted(os.listdir(self._descriptor if _IS_POSIX else self._path))  # noqa: PTH208  # of a descriptor

    def open(self, name: str, flags: int) -> int:
        """Open a regular file of our own that has no other name; the descriptor is the caller's to close.

        Raises:
            OSError: It is not there, or could be somebody else's.
        """
        if not _IS_POSIX:
            return os.open(os.path.join(self._path, name), flags | getattr(os, "O_BINARY", 0), 0o600)  # noqa: PTH118
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            os.close(descriptor)
            raise NotOurOwnError("the file could be somebody else's")
        return descriptor
