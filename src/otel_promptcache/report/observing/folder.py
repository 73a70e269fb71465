"""Opens a folder and files that only we could have put there: follows no links, and never blocks.

Other users may be able to guess where a process writes. What they place there, such as a symbolic or a hard link to
someone else's file, or a pipe that nobody reads, is refused. Windows has none of this, but permissions of its own.
"""

from __future__ import annotations

import os
import stat
import sys

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOurOwnError(OSError):
    """Someone else could have put it there."""


class Folder:
    """A folder that is open while the block runs.

    Raises:
        OSError: It does not exist, or could be someone else's.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> Folder:  # noqa: PYI034  # `Self` is new in Python 3.11
        if sys.platform != "win32":
            descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            found = os.fstat(descriptor)
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
                os.close(descriptor)
                raise NotOurOwnError("the folder may belong to another user")
            self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def names(self) -> list[str]:
        """The names of everything in it, sorted."""
        return sorted(os.listdir(self._path if self._descriptor < 0 else self._descriptor))  # noqa: PTH208  # of a descriptor

    def open(self, name: str, flags: int) -> int:
        """Open a regular file of our own that has no other hard link; the caller closes the descriptor.

        Raises:
            OSError: It does not exist, or could be someone else's.
        """
        if sys.platform == "win32":
            return os.open(os.path.join(self._path, name), flags | os.O_BINARY, 0o600)  # noqa: PTH118
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            os.close(descriptor)
            raise NotOurOwnError("the file may belong to another user")
        return descriptor
