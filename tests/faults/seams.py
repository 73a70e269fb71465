"""All places where our code runs within the host's call, and faults to inject there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules
from typing import Any

from otel_promptcache import calls, guard, sdk


def _seams() -> Iterator[tuple[type, str]]:
    """The guarded methods of all classes that run within the host's calls."""
    for package in (calls, sdk):
        for each in iter_modules(package.__path__, f"{package.__name__}."):
            for _, kind in getmembers(import_module(each.name), isclass):
                if kind.__module__ == each.name:
                    yield from ((kind, name) for name, member in vars(kind).items() if _is_guarded(member))


def _is_guarded(member: Any) -> bool:
    code = getattr(member, "__code__", None)
    return code is not None and hasattr(member, "__wrapped__") and code.co_filename == guard.__file__


SEAMS = list(_seams())


class InjectedError(Exception):
    """A fault of our own."""

    __module__ = "otel_promptcache"  # the name of any other exception would not be exported


def raises_first(method: Callable[..., Any]) -> Callable[..., Any]:
    def inject(*_: Any, **__: Any) -> Any:
        raise InjectedError(method.__name__)

    return inject


def raises_last(method: Callable[..., Any]) -> Callable[..., Any]:
    def inject(*args: Any, **kwargs: Any) -> Any:
        method(*args, **kwargs)
        raise InjectedError(method.__name__)

    return inject
