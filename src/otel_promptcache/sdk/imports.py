"""Notifies when a package is imported, so that we import nothing that the application does not use."""

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
"""Callbacks by package. One hook is registered for each package."""


def when_imported(package: str, callback: Callable[[], None]) -> Callable[[], None]:
    """Call back once a package is imported: now, if it already is; else at the end of its import, in that thread.

    An exception from the callback is raised if it is called now. If it is called later, the exception is logged, so
    that the application's import goes on.

    Returns:
        A function that cancels the callback; it does nothing once the callback was called.
    """
    if package in sys.modules:
        callback()
        return _nothing
    with _lock:
        is_first = package not in _waiting
        callbacks = _waiting.setdefault(package, [])
        callbacks.append(callback)
    if is_first:
        # Another thread may have imported it in the meantime; then this calls back immediately.
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
        # Any exception would make the application's import fail.
        _logger.warning("%s could not be instrumented", package, exc_info=True)
