"""Naming a prompt template, for everything that happens inside a block."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_NAME_CHARS = 100

_current_name: ContextVar[str | None] = ContextVar("otel_promptcache.prefix_name", default=None)


@contextmanager
def prefix(name: str) -> Generator[None, None, None]:
    """Name the prompt template of all requests made inside, also across `await` and in copied contexts.

    Blocks may be nested; the innermost name counts. Also usable as a decorator of a plain function. The
    name becomes an attribute of spans and metrics: it should say what the prompt is for, not whom.

    Raises:
        ValueError: The name is not a string of 1 to 100 characters.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"prefix name is {name!r}: expected a string of 1 to {MAX_NAME_CHARS} characters")
    token = _current_name.set(name)
    try:
        yield
    finally:
        _current_name.reset(token)


def current_prefix_name() -> str | None:
    """The name of the innermost `prefix` block; None outside of any."""
    return _current_name.get()
