# ruff: noqa: INP001  # found on the search path by its name, as Python's start-up has it
"""What every Python process of a run executes before its program: waits for an SDK, and does nothing else.

The program must not notice. So nothing of ours is imported before an SDK is, this directory leaves the search
path at once, and a sitecustomize that it hides is executed as if it had been found first.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_WATCHED = ("openai", "anthropic", "otel_promptcache")
"""The last, because what the program does with it has to be known from the start."""

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

_starting: list[str] = []
"""The module on whose behalf we are at work: our own imports are no news."""

_directory = os.environ.get("OTEL_PROMPTCACHE_RUN_DIRECTORY", "")


class _Watch:
    """A finder that finds what the others find, and tells when a watched module has been executed."""

    watches_for_promptcache_run = True

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _WATCHED:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                _tell_when_executed(spec)
                return spec
        return None


def watch() -> None:
    """Wait for an SDK, where this process belongs to a run and nobody waits yet.

    Start-up code and launcher may both come to this, each with a module of its own.
    """
    is_watched = any(getattr(finder, "watches_for_promptcache_run", False) for finder in sys.meta_path)
    if _directory and not is_watched:
        _append("python", "")
        sys.meta_path.insert(0, _Watch())
        for name in _WATCHED:
            if name in sys.modules:
                _start(name)


def _tell_when_executed(spec: ModuleSpec) -> None:
    loader = spec.loader
    if loader is None:
        return
    execute = loader.exec_module

    def execute_and_tell(module: ModuleType) -> None:
        execute(module)
        if module.__name__ == spec.name:
            _start(spec.name)

    try:
        loader.exec_module = execute_and_tell
    except AttributeError as error:  # a loader that cannot be told anything
        _note(error)


def _start(name: str) -> None:
    if _starting:
        return
    _starting.append(name)
    try:
        from otel_promptcache.report.observing.aside import start  # noqa: PLC0415

        start(_directory, name)
    except Exception as error:  # noqa: BLE001  # whatever it is, the program imports the SDK undisturbed
        _note(error)
    finally:
        _starting.clear()


def _note(error: Exception) -> None:
    text = " ".join(f"not observed: {type(error).__name__}: {error}".split())
    _append(f"{os.getpid()}.notes", f"{text}\n")


def _append(name: str, text: str) -> None:
    """Append to a file of the run, as `folder.py` beside it does: nothing is opened that could be somebody else's."""
    # Nothing is imported here that the program does not have anyway.
    try:
        if os.open not in os.supports_dir_fd:  # Windows
            _write(os.open(os.path.join(_directory, name), _APPEND, 0o600), text)  # noqa: PTH118
            return
        folder = os.open(_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(folder)
            if found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE:
                flags = _APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
                _write(os.open(name, flags, 0o600, dir_fd=folder), text)
        finally:
            os.close(folder)
    except OSError:
        return  # the run is over


def _write(file: int, text: str) -> None:
    try:
        found = os.fstat(file)
        is_ours = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and found.st_nlink == 1)
        if stat.S_ISREG(found.st_mode) and is_ours:
            os.write(file, text.encode("utf-8", "backslashreplace"))
    finally:
        os.close(file)


def _run_hidden() -> None:
    """Execute the sitecustomize behind this one, if there is one; what it raises is reported as ever."""
    import importlib.machinery  # noqa: PLC0415
    import importlib.util  # noqa: PLC0415

    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _leave_search_path() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100


if __name__ == "sitecustomize":
    _leave_search_path()
    watch()
    _run_hidden()
