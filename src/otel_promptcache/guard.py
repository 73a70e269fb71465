"""The one place where exceptions of our own end: the host goes on as if we were not there."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

_logger = logging.getLogger("otel_promptcache")

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD


class Guard:
    """Decides what becomes of our own exceptions: each is counted, logged once a seam, and swallowed.

    Args:
        count: Called with the name of the seam and the exception, every time.
        strict: Re-raise the faults of our own, so that tests see them.
        wire_faults: What malformed input raises. It is never re-raised: it is no fault of ours.
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

    def caught(self, seam: str, error: Exception) -> None:
        """Count and log an exception.

        Raises:
            Exception: The same one, if the guard is strict and it was not the wire's fault.
        """
        if self._strict and not isinstance(error, self._wire_faults):
            raise error
        with contextlib.suppress(Exception):
            self._count(seam, error)
            if (seam, type(error)) not in self._logged:
                self._logged.add((seam, type(error)))
                # No message and no traceback values: both may quote the prompt.
                _logger.warning(
                    "%s in %s: this call is observed in part only, the application is not affected; "
                    "further ones are counted in promptcache.internal.errors without a line here",
                    type(error).__name__,
                    seam,
                )


class _Guarded(Protocol):
    @property
    def guard(self) -> Guard: ...


_S = TypeVar("_S", bound=_Guarded)


def guarded(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R | None]:
    """Make a method a seam: it never raises an `Exception` into its caller, but returns None instead.

    What is not an `Exception`, such as KeyboardInterrupt, belongs to the host and passes through.
    """
    name, method_of_one = method.__qualname__, cast("Callable[[_S, Any], _R]", method)

    def seam(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  # the one place that may
            self.guard.caught(name, error)
            return None

    def seam_of_one(self: _S, argument: Any) -> _R | None:
        try:
            return method_of_one(self, argument)
        except Exception as error:  # noqa: BLE001  # as above
            self.guard.caught(name, error)
            return None

    # Most have one argument, given by its place, which is passed on in a third of the time: each chunk of a stream is.
    arguments = list(inspect.signature(method).parameters.values())[1:]
    has_one = [(each.kind, each.default) for each in arguments] == [(_PLAIN, inspect.Parameter.empty)]
    return functools.wraps(method)(cast("Any", seam_of_one if has_one else seam))
