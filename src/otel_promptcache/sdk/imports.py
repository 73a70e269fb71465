"""Tells when a package is imported, so that nothing is imported that the application does not use."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import ModuleType

from wrapt import register_post_import_hook

_logger = logging.getLogger("otel_promptcache")

_lock = threading.Lock()
_waiting: dict[str, list[Callable[[], None]]] = {}
"""What is to be called, by package. A hook is registered for each of them, once."""


def when_imported(package: str, callback: Callable[[], None]) -> Callable[[], None]:
    """Call back as soon as a package is imported: now, if it is; else at the end of its import, in that thread.

    An exception of the callback is raised now, and logged then: the application's import goes on.

    Returns:
        What takes the callback back; without effect once it was called.
    """
    if package in sys.modules:
        callback()
        return _nothing
    with _lock:
        is_first = package not in _waiting
        callbacks = _waiting.setdefault(package, [])
        callbacks.append(callback)
    if is_first:
        # Another thread may have imported it in the meantime; then this calls back at once.
        register_post_import_hook(_imported, package)

    def cancel() -> None:
        with _lock:
            if callback in callbacks:
                callbacks.remove(callback)

    return cancel


def _nothing() -> None:
    pass


def _imported(module: ModuleType) -> None:
    with _lock:
        callbacks = _waiting.pop(module.__name__, [])
    for callback in callbacks:
        _call(callback, module.__name__)


def _call(callback: Callable[[], None], package: str) -> None:
    try:
        callback()
    except Exception:
        # Whatever it is: it would be the application's import that fails.
        _logger.warning("%s is not instrumented", package, exc_info=True)
