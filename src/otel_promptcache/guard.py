"""The one place where our own exceptions stop: the host carries on as if we were not there."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from otel_promptcache.error_names import error_name

_logger = logging.getLogger("otel_promptcache")

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD

MAX_LOGGED_FAULTS = 100
"""Kinds of faults that are logged, each once; all are counted."""

_EXPLANATION = "this call is only partly observed; the application is not affected"
"""What is logged about an exception without an `explanation` of its own, which is always our text."""

_NEVER_OURS = (TimeoutError, InterruptedError)
"""Our code never waits, so it never raises these."""
_KNOWN_PACKAGES = frozenset({"otel_promptcache", "opentelemetry", "json"})
"""Packages whose code runs inside a seam, apart from the code of the host's own values."""
_KNOWN_ERRORS = frozenset({"builtins", "zlib", *_KNOWN_PACKAGES})
"""Packages whose exceptions that code can raise."""


class Guard:
    """Decides what becomes of our own exceptions: each is counted, logged once per seam, and swallowed.

    Args:
        count: Called with the name of the seam and the exception, every time.
        strict: Let our own faults through, so that tests see them.
        wire_faults: What malformed input raises. Never let through, as it is not our fault.
    """

    def __init__(
        self,
        count: Callable[[str, Exception], None],
        *,
        strict: bool = False,
        wire_faults: tuple[type[Exception], ...] = (),
    ) -> None:
        self._count = count
        self._strict = strict
        self._wire_faults = wire_faults
        self._logged: set[tuple[str, type[Exception]]] = set()

    def swallows(self, seam: str, error: Exception) -> bool:
        """Tell whether an exception ends here; if it does, it is counted and logged."""
        if struck_from_outside(error):
            return False
        if self._strict and not isinstance(error, self._wire_faults):
            return False
        try:
            self._count(seam, error)
            self._log_once(seam, error)
        except Exception as second:
            if struck_from_outside(second):
                raise
        return True

    def _log_once(self, seam: str, error: Exception) -> None:
        fault = (seam, type(error))
        if fault in self._logged or len(self._logged) >= MAX_LOGGED_FAULTS:
            return
        self._logged.add(fault)
        # No message and no traceback values: both may quote the prompt.
        _logger.warning(
            "%s in %s: %s; further occurrences are only counted in promptcache.internal.errors, not logged",
            error_name(error),
            seam,
            getattr(error, "explanation", _EXPLANATION),
        )


class _Guarded(Protocol):
    @property
    def guard(self) -> Guard: ...


_S = TypeVar("_S", bound=_Guarded)


def guarded(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R | None]:
    """Make a method a seam: it raises no `Exception` of ours into its caller, but returns None instead.

    Anything that is not an `Exception`, such as KeyboardInterrupt, belongs to the host and passes through. So does an
    exception that is raised here but was not caused here, such as that of a signal handler.
    """
    name, method_of_one = method.__qualname__, cast("Callable[[_S, Any], _R]", method)

    def seam(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            if not self.guard.swallows(name, error):
                raise
            return None

    def seam_of_one(self: _S, argument: Any) -> _R | None:
        try:
            return method_of_one(self, argument)
        except Exception as error:
            if not self.guard.swallows(name, error):
                raise
            return None

    # Most take one positional argument, which is passed on in a third of the time: this runs for each stream chunk.
    arguments = list(inspect.signature(method).parameters.values())[1:]
    has_one = [(each.kind, each.default) for each in arguments] == [(_PLAIN, inspect.Parameter.empty)]
    return functools.wraps(method)(cast("Any", seam_of_one if has_one else seam))


def struck_from_outside(error: Exception) -> bool:
    """Tell whether an exception was caused by the host rather than by the code in which it was raised.

    It comes from a signal handler, such as one that enforces a time limit, or another thread throws it into this one.
    What the host's own values, such as a mapping, raise when they are read is caused by reading them.
    """
    innermost: FrameType | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        # Python calls a signal handler with the frame that it interrupts.
        if innermost is not None and any(value is innermost for value in _arguments(frame)):
            return True
        innermost, traceback = frame, traceback.tb_next
    is_known_code = innermost is not None and _package(innermost.f_globals.get("__name__")) in _KNOWN_PACKAGES
    is_known_error = _package(type(error).__module__) in _KNOWN_ERRORS and not isinstance(error, _NEVER_OURS)
    return is_known_code and not is_known_error


def _arguments(frame: FrameType) -> Sequence[object]:
    """The values of a frame's positional arguments."""
    code, values = frame.f_code, frame.f_locals
    named = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & inspect.CO_VARARGS:
        rest = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        named += rest if isinstance(rest, tuple) else ()
    return named


def _package(module: object) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""
