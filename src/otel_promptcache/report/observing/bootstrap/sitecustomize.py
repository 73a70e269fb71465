# pyright: reportTypeCommentUsage=false
"""Start-up code that every Python process of a run executes before its program: only waits for an SDK.

The program must not notice. So nothing of ours is imported before an SDK is, this directory leaves the search
path immediately, and a sitecustomize that it hides is executed as if it had been found first. A Python that is too
old for us reads this file, too, and only leaves a note: hence no annotations and no f-strings.
"""

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_OLDEST = (3, 10)

_WATCHED = ("openai", "anthropic", "otel_promptcache")
"""The last one, because we must know from the start what the program does with it."""

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

_starting = []  # type: list[str]
"""The module that we are starting for: our own imports meanwhile are ignored."""

_directory = os.environ.get("OTEL_PROMPTCACHE_RUN_DIRECTORY", "")


class _Watch:
    """A finder that delegates to the others, and reports when a watched module has been executed."""

    watches_for_promptcache_run = True

    def find_spec(self, name, path=None, target=None):
        # type: (str, Sequence[str] | None, ModuleType | None) -> ModuleSpec | None
        if name not in _WATCHED:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)  # type: ModuleSpec | None
            if spec is not None:
                _tell_when_executed(spec)
                return spec
        return None


def watch():
    # type: () -> None
    """Wait for an SDK, if this process belongs to a run and is not waiting yet.

    The start-up code and a launcher may both call this, each with its own copy of this module.
    """
    is_watched = any(getattr(finder, "watches_for_promptcache_run", False) for finder in sys.meta_path)
    if not _directory or is_watched:
        return
    _append("python", "{}\n".format(os.getpid()))
    if sys.version_info < _OLDEST:
        _note(
            "{} is Python {}.{}, and otel-promptcache needs {}.{} or newer".format(
                sys.executable, sys.version_info[0], sys.version_info[1], *_OLDEST
            )
        )
        return
    sys.meta_path.insert(0, _Watch())
    for name in _WATCHED:
        if name in sys.modules:
            _start(name)


def _tell_when_executed(spec):
    # type: (ModuleSpec) -> None
    loader = spec.loader
    if loader is None:
        return
    execute = loader.exec_module

    def execute_and_tell(module):
        # type: (ModuleType) -> None
        execute(module)
        if module.__name__ == spec.name:
            _start(spec.name)

    try:
        loader.exec_module = execute_and_tell
    except AttributeError as error:  # a loader whose attributes cannot be set
        _note(_named(error))


def _start(name):
    # type: (str) -> None
    if _starting:
        return
    _starting.append(name)
    try:
        from otel_promptcache.report.observing.aside import start  # noqa: PLC0415

        start(_directory, name)
    except ModuleNotFoundError as error:
        command = "{} -m pip install otel-promptcache".format(_quoted(sys.executable))
        _note("{} cannot import this package ({}); install it: {}".format(sys.executable, error, command))
    except Exception as error:  # noqa: BLE001  # whatever it is, the program's import of the SDK goes on
        _note(_named(error))
    finally:
        del _starting[:]


def _named(error):
    # type: (Exception) -> str
    return "{}: {}".format(type(error).__name__, error)


def _quoted(path):
    # type: (str) -> str
    return '"{}"'.format(path) if " " in path else path


def _note(text):
    # type: (str) -> None
    _append("{}.notes".format(os.getpid()), " ".join("not observed: {}".format(text).split()) + "\n")


def _append(name, text):
    # type: (str, str) -> None
    """Append to a file of the run, as `folder.py` does: nothing is opened that could be someone else's."""
    # Nothing is imported here that the program does not have anyway.
    try:
        data = text.encode("utf-8", "backslashreplace")
        if sys.platform == "win32" or os.open not in getattr(os, "supports_dir_fd", ()):
            _write(os.open(os.path.join(_directory, name), _APPEND, 0o600), data)  # noqa: PTH118
            return
        folder = os.open(_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(folder)
            if found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE:
                flags = _APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
                _write(os.open(name, flags, 0o600, dir_fd=folder), data)
        finally:
            os.close(folder)
    except (OSError, ValueError):
        return  # the run is over, or a path cannot be encoded


def _write(file, data):
    # type: (int, bytes) -> None
    try:
        found = os.fstat(file)
        is_ours = sys.platform == "win32" or (found.st_uid == os.geteuid() and found.st_nlink == 1)
        if stat.S_ISREG(found.st_mode) and is_ours:
            os.write(file, data)
    finally:
        os.close(file)


def _run_hidden():
    # type: () -> None
    """Execute the sitecustomize that this one hides, if there is one; what it raises is reported as usual."""
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: PLC0415  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


def _leave_search_path():
    # type: () -> None
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100


if __name__ == "sitecustomize":
    _leave_search_path()
    watch()
    _run_hidden()
