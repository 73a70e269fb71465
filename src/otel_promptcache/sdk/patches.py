"""Three small hooks at the bottom of the SDK see every inference, whatever surface it is made through.

`request` is the boundary of a call: retries happen inside, errors and cancellation pass through it.
`_build_request` knows the final body. `_process_response` gets the HTTP response before it is parsed.
They have kept their place from openai 1.66 to 3.52, while resource methods came and went above them.

The host's own call runs outside of every guard; its result does not pass through our code.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import openai
import openai._base_client as base_client
import wrapt

from otel_promptcache.observer import Observer
from otel_promptcache.sdk.seam import CallScope, Seam

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


class Patches:
    """The hooks of one observer in the openai package.

    Where another instrumentation has wrapped on top of ours in the meantime, `remove` leaves our wrapper in
    place; it passes everything through, as do bound methods that an application kept.
    """

    def __init__(self, observer: Observer) -> None:
        self._seam = Seam(observer)
        self._applied: list[tuple[type, str, Any, Any]] = []
        self._is_active = False

    def apply(self) -> None:
        """Put the hooks in place."""
        self._is_active = True
        for owner, name, wrapper in self._table():
            original = inspect.getattr_static(owner, name)
            hook = wrapt.FunctionWrapper(original, wrapper, enabled=lambda: self._is_active)
            setattr(owner, name, hook)
            self._applied.append((owner, name, original, hook))

    def remove(self) -> None:
        """Take the hooks out again, last one first."""
        self._is_active = False
        for owner, name, original, hook in reversed(self._applied):
            if vars(owner).get(name) is hook:
                setattr(owner, name, original)
        self._applied.clear()

    def _table(self) -> Iterator[tuple[type, str, Wrapper]]:
        seam = self._seam
        yield base_client.SyncAPIClient, "request", functools.partial(_request, seam)
        yield base_client.AsyncAPIClient, "request", functools.partial(_async_request, seam)
        # OpenInference puts a `request` of its own on these two, which hides the base class's.
        for owner, wrapper in ((openai.OpenAI, _request), (openai.AsyncOpenAI, _async_request)):
            if "request" in vars(owner):
                yield owner, "request", functools.partial(wrapper, seam)
        yield base_client.BaseClient, "_build_request", functools.partial(_build_request, seam)
        yield base_client.SyncAPIClient, "_process_response", functools.partial(_process_response, seam)
        yield base_client.AsyncAPIClient, "_process_response", functools.partial(_process_response, seam)


def _request(seam: Seam, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
    with CallScope(seam, _options(args, kwargs, index=1)):
        return wrapped(*args, **kwargs)


async def _async_request(seam: Seam, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
    with CallScope(seam, _options(args, kwargs, index=1)):
        return await wrapped(*args, **kwargs)


def _build_request(seam: Seam, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
    options = _options(args, kwargs, index=0)
    amended = seam.request_ready(client, options)
    if amended is None:
        request = wrapped(*args, **kwargs)
    else:
        request = wrapped(amended, **{name: value for name, value in kwargs.items() if name != "options"})
    seam.request_built(request)
    return request


def _process_response(seam: Seam, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
    # The asynchronous one is a coroutine function: what it returns is passed on as it is.
    seam.response_arrived(kwargs.get("response"), is_stream=bool(kwargs.get("stream")))
    return wrapped(*args, **kwargs)


def _options(args: tuple[Any, ...], kwargs: dict[str, Any], *, index: int) -> Any:
    if "options" in kwargs:
        return kwargs["options"]
    return args[index] if len(args) > index else None
