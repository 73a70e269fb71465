"""Names the prompt template of everything that happens inside a block."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, cast

MAX_NAME_CHARS = 100
"""Characters of the name of a prompt template."""

_F = TypeVar("_F", bound=Callable[..., Any])


class _Frame:
    """One block that was entered."""

    __slots__ = ("is_open", "name", "outer")

    def __init__(self, name: str, outer: _Frame | None) -> None:
        self.name = name
        self.outer = outer
        self.is_open = True


_current: ContextVar[_Frame | None] = ContextVar("otel_promptcache.prefix", default=None)


def prefix(name: str) -> PrefixBlock:
    """Name the prompt template of all requests made inside a block, also across `await` and in copied contexts.

    Use it as `with prefix("support-bot"):` or as a decorator. The kind of function does not change: plain,
    `async def`, a generator or an asynchronous generator. Blocks may be nested; the innermost name counts. The name
    becomes an attribute of spans and metrics: it should say what the prompt is for, not for whom.

    Raises:
        ValueError: The name is not a string of 1 to 100 characters.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:  # pyright: ignore[reportUnnecessaryIsInstance]
        shown = repr(name)[: 2 * MAX_NAME_CHARS]
        raise ValueError(f"prefix name is {shown}: expected a string of 1 to {MAX_NAME_CHARS} characters")
    return PrefixBlock(name)


def current_prefix_name() -> str | None:
    """The name of the innermost `prefix` block; None outside any block."""
    frame = _current.get()
    while frame is not None and not frame.is_open:  # it was exited in a different context
        frame = frame.outer
    return None if frame is None else frame.name


class PrefixBlock:
    """What `prefix` returns: a context manager and a decorator.

    It may be exited in a different context from the one it was entered in, as happens in the generator of a streaming
    web response.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._frames: list[_Frame] = []

    def __enter__(self) -> None:
        frame = _Frame(self._name, _current.get())
        self._frames.append(frame)
        _current.set(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        frame = self._frames.pop()
        frame.is_open = False
        if _current.get() is frame:
            _current.set(frame.outer)

    def __call__(self, function: _F) -> _F:
        """Name the requests that a function makes."""
        wrap = next(wrap for is_kind, wrap in _WRAPPERS if is_kind(function))
        return cast("_F", functools.wraps(function)(wrap(self._name, function)))


def _plain(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with PrefixBlock(name):
            return function(*args, **kwargs)

    return call


def _coroutine(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with PrefixBlock(name):
            return await function(*args, **kwargs)

    return call


def _generator(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    # The block is entered for each step: what the caller does between two steps is outside it. A step is popped,
    # because an exception that is thrown in would otherwise refer to itself, through its traceback and this frame.
    def generate(*args: Any, **kwargs: Any) -> Any:
        steps = function(*args, **kwargs)
        todo: list[Callable[[], Any]] = [functools.partial(next, steps)]
        while True:
            try:
                with PrefixBlock(name):
                    item = todo.pop()()
            except StopIteration as end:
                return end.value
            try:
                todo.append(functools.partial(steps.send, (yield item)))
            except GeneratorExit:
                with PrefixBlock(name):
                    steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # whatever is thrown in is for the function to handle
                todo.append(functools.partial(steps.throw, error))

    return generate


def _async_generator(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    async def generate(*args: Any, **kwargs: Any) -> Any:  # as above
        steps = function(*args, **kwargs)
        todo: list[Callable[[], Any]] = [functools.partial(anext, steps)]
        while True:
            try:
                with PrefixBlock(name):
                    item = await todo.pop()()
            except StopAsyncIteration:
                return
            try:
                todo.append(functools.partial(steps.asend, (yield item)))
            except GeneratorExit:
                with PrefixBlock(name):
                    await steps.aclose()
                raise
            except BaseException as error:  # noqa: BLE001  # as above
                todo.append(functools.partial(steps.athrow, error))

    return generate


_WRAPPERS: tuple[tuple[Callable[[object], bool], Callable[..., Callable[..., Any]]], ...] = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator),
    (callable, _plain),
)
