"""Hooks for an SDK with its own HTTP handlers: a request is one `post` of a body to a URL.

A handler raises for a bad status and may reconnect. Retries happen above it, so each of them is a separate call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from otel_promptcache.calls.fetch import Exchange
from otel_promptcache.sdk.handler_request import HandlerRequest
from otel_promptcache.sdk.seam import CallScope, Seam

_Method = Callable[..., Any]

_POST = ("url", "data", "json", "params", "headers")
_GET = ("url", "params", "headers")
"""The arguments of the handlers' methods that may be passed by position.

Source: litellm 1.110.2, `llms/custom_httpx/http_handler.py` (checked 2026-11-26).
"""


def handler_hooks(
    module: Any, classes: Sequence[str]
) -> Iterator[tuple[type, str, Callable[[Seam, _Method], _Method]]]:
    """What to hook: a class, the name of a method, and a function that makes the hook from the method.

    Args:
        module: The handlers' module.
        classes: The names of the synchronous and the asynchronous class.
    """
    for name, method in zip(classes, (_method, _async_method), strict=True):
        handler: type | None = getattr(module, name, None)
        if handler is not None:
            yield handler, "post", method("POST", _POST)
            yield handler, "get", method("GET", _GET)


class _HandlerScope(CallScope):
    """One request of a handler."""

    def sent(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The keyword arguments to send; usually those that were passed."""
        changed = None if self.call is None else self._seam.handler_request(self.call, self.options)
        return {**kwargs, **changed} if changed else kwargs

    def _begin(self) -> Exchange | None:
        return self._seam.begin_handler_request(self.options)


def _method(verb: str, names: Sequence[str]) -> Callable[[Seam, _Method], _Method]:
    def hook(seam: Seam, original: _Method) -> _Method:
        def request(self: Any, *args: Any, **kwargs: Any) -> Any:
            method = cast("Any", original).__get__(self, type(self))
            if not seam.is_active:
                return method(*args, **kwargs)
            scope = _HandlerScope(seam, _request(verb, names, args, kwargs))
            with scope:
                response = method(*args, **scope.sent(kwargs))
                seam.handler_returned(response)
                return response

        return request

    return hook


def _async_method(verb: str, names: Sequence[str]) -> Callable[[Seam, _Method], _Method]:
    def hook(seam: Seam, original: _Method) -> _Method:
        async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
            method = cast("Any", original).__get__(self, type(self))
            if not seam.is_active:
                return await method(*args, **kwargs)
            scope = _HandlerScope(seam, _request(verb, names, args, kwargs))
            with scope:
                response = await method(*args, **scope.sent(kwargs))
                seam.handler_returned(response)
                return response

        return request

    return hook


def _request(
    verb: str, names: Sequence[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> HandlerRequest:
    given: dict[str, Any] = {**dict(zip(names, args, strict=False)), **kwargs}
    return HandlerRequest(verb, kwargs.keys(), *map(given.get, HandlerRequest._fields[2:]))
