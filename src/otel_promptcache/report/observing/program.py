"""Runs a program as if it had been started directly: its streams, its signals and its exit code are its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from otel_promptcache.report.observing.spool import DIRECTORY_VARIABLE

BOOTSTRAP = Path(__file__).parent / "bootstrap"
"""The directory whose `sitecustomize` a Python process of a run executes first."""

_SIGNALED = 128

_FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
_FROM_THE_TERMINAL = frozenset({"SIGINT", "SIGHUP", "SIGQUIT"})


def observed_environment(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The environment in which Python processes, and those that they start, write their calls to a directory."""
    search_path = environment.get("PYTHONPATH")
    return {
        **environment,
        "PYTHONPATH": f"{BOOTSTRAP}{os.pathsep}{search_path}" if search_path else str(BOOTSTRAP),
        DIRECTORY_VARIABLE: str(directory),
    }


def run_program(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end and return its exit code; 128 + n if signal n ended it.

    Raises:
        OSError: It cannot be started.
    """
    with _forwarding_signals() as started:
        # The program inherits the files that we inherited, such as sockets of a supervisor, but not our own.
        process = subprocess.Popen(command, env=environment, close_fds=False)  # noqa: S603  # the user's
        started(process)
        returncode = process.wait()
    return _SIGNALED - returncode if returncode < 0 else returncode


@contextmanager
def _forwarding_signals() -> Generator[Callable[[subprocess.Popen[Any]], None], None, None]:
    """Forward signals, even earlier ones, to the process passed to the yielded function; they do not end us."""
    processes: list[subprocess.Popen[Any]] = []
    early: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        if signal.Signals(number).name in _FROM_THE_TERMINAL and _is_in_foreground():
            return  # the terminal has sent it to the program as well
        if not processes:
            early.append(number)
        for process in processes:
            process.send_signal(number)

    def started(process: subprocess.Popen[Any]) -> None:
        processes.append(process)
        for number in early:
            process.send_signal(number)

    # Only the main thread may set handlers. A signal that is ignored, as under nohup, stays ignored in the program.
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [number for number in _FORWARDED if is_main and signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield started
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Whether a terminal sends its signals to our process group, which is the program's, too."""
    if sys.platform == "win32":
        return True  # a console sends Ctrl-C to all its processes
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
