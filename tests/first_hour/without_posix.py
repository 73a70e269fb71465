"""Runs the command line as if on Windows, without the names and modules that only POSIX has.

Our own types are checked for Windows and macOS by `make check`; this runs the other branches.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from importlib import import_module

# Modules that look at the system on import do so first; the SDKs use different libraries in different versions.
for library in ("anthropic", "click", "openai", "opentelemetry.sdk.metrics", "rich.live", "uvicorn"):
    import_module(library)
for library in ("anyio._backends._asyncio", "httpcore", "httpcore2", "truststore"):
    with contextlib.suppress(ImportError):
        import_module(library)

ONLY_POSIX = {
    os: """
        chown fchmod fchown fork forkpty getegid geteuid getgid getpgid getpgrp getpriority getresuid getsid getuid
        initgroups killpg mkfifo nice openpty posix_fallocate register_at_fork sched_yield setpgid setsid
        setuid tcgetpgrp uname O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_SYNC WNOHANG
    """,
    signal: """
        SIGALRM SIGBUS SIGCHLD SIGHUP SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 alarm pause pthread_kill
        pthread_sigmask setitimer sigwait
    """,
    socket: "SCM_RIGHTS SO_REUSEPORT sethostname",
}


def become_windows() -> None:
    for module, names in ONLY_POSIX.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
        sys.modules[name] = None  # type: ignore[assignment]
    os.supports_dir_fd = set()
    os.O_BINARY = 0  # type: ignore[attr-defined]
    asyncio.ProactorEventLoop = asyncio.SelectorEventLoop  # type: ignore[attr-defined]
    sys.platform = "win32"


if __name__ == "__main__":
    become_windows()
    from otel_promptcache.cli import main

    main()
