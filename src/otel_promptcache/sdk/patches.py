"""Three small hooks at the bottom of an SDK see every inference, whatever surface it is made through.

`request` is the boundary of a call: retries happen inside, errors and cancellation pass through it.
`_build_request` knows the final request. `_process_response` gets the HTTP response before it is parsed.
They have kept their place from openai 1.66 to 3.57 and from anthropic 0.49 to 2.14, while resource methods came and
went above them.

The host's own call runs outside every guard, and its result does not pass through our code. The hooks are plain
functions with the names of what they replace, so a method can be copied and pickled as before.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from otel_promptcache.calls.observer import Observer
from otel_promptcache.sdk.handlers import handler_hooks
from otel_promptcache.sdk.imports import when_imported
from otel_promptcache.sdk.sdks import SDKS, Sdk
from otel_promptcache.sdk.seam import CallScope, Seam

_logger = logging.getLogger("otel_promptcache")

_Method = Callable[..., Any]
_Hook = Callable[[Seam, _Method], _Method]


class Patches:
    """One observer's hooks in some SDKs; an SDK that is not imported yet is hooked once the application imports it.

    If another instrumentation has wrapped our hook in the meantime, `remove` leaves it in place. It then passes
    everything through, as do bound methods that an application kept.
    """

    def __init__(self, observer: Observer, sdks: Sequence[Sdk] = SDKS) -> None:
        self._seam = Seam(observer)
        self._sdks = sdks
        self._applied: list[_Applied] = []
        self._cancel: list[Callable[[], None]] = []

    def apply(self) -> None:
        """Put the hooks in place."""
        self._seam.is_active = True
        self._cancel = [when_imported(sdk.module, partial(self._hook, sdk)) for sdk in self._sdks]

    def _hook(self, sdk: Sdk) -> None:
        for owner, name, hook in _table(sdk):
            original = _without_our_own(inspect.getattr_static(owner, name))
            hooked = functools.wraps(original)(hook(self._seam, original))
            applied = _Applied(owner, name, original, hooked, self._seam)
            setattr(hooked, _MARK, applied)
            setattr(owner, name, hooked)
            self._applied.append(applied)

    def remove(self) -> None:
        """Remove the hooks, last one first."""
        self._seam.is_active = False
        for cancel in self._cancel:
            cancel()
        for applied in reversed(self._applied):
            if vars(applied.owner).get(applied.name) is applied.hooked:
                setattr(applied.owner, applied.name, applied.original)
        self._applied.clear()


_MARK = "_otel_promptcache"


class _Applied(NamedTuple):
    """A hook, and what it replaces."""

    owner: type
    name: str
    original: _Method
    hooked: _Method
    seam: Seam


def _without_our_own(method: _Method) -> _Method:
    """The original method below hooks that we removed and that another instrumentation has put back."""
    while True:
        applied = getattr(method, _MARK, None)
        if not isinstance(applied, _Applied) or applied.hooked is not method or applied.seam.is_active:
            return method
        method = applied.original


def _table(sdk: Sdk) -> Iterator[tuple[type, str, _Hook]]:
    # Looked up each time: an application may import the package again.
    if sdk.handlers is not None:
        yield from handler_hooks(sys.modules[sdk.handlers], sdk.clients)
        return
    try:
        modules = (
            importlib.import_module(sdk.package),
            importlib.import_module(f"{sdk.package}._base_client"),
        )
    except ImportError:
        return  # a dependency is missing, or the package is hidden
    except Exception as error:  # noqa: BLE001  # whatever it is: the application may not even use this SDK
        _logger.warning(
            "%s cannot be imported (%s), so it is not instrumented", sdk.package, type(error).__name__
        )
        return
    yield from _hooks(sdk, *modules)


def _hooks(sdk: Sdk, package: Any, base_client: Any) -> Iterator[tuple[type, str, _Hook]]:
    yield base_client.SyncAPIClient, "request", _request
    yield base_client.AsyncAPIClient, "request", _async_request
    # OpenInference puts its own `request` on these, which hides the base class's.
    for client, hook in zip(sdk.clients, (_request, _async_request), strict=True):
        owner = getattr(package, client)
        if "request" in vars(owner):
            yield owner, "request", hook
    yield base_client.BaseClient, "_build_request", _build_request
    yield base_client.SyncAPIClient, "_process_response", _process_response
    yield base_client.AsyncAPIClient, "_process_response", _async_process_response


# The original may be another instrumentation's wrapper, which must be bound to its client like a method.


def _request(seam: Seam, original: _Method) -> _Method:
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        method = _bound(original, self)
        if not seam.is_active:
            return method(*args, **kwargs)
        with CallScope(seam, _options(args, kwargs, index=1), self):
            return method(*args, **kwargs)

    return request


def _async_request(seam: Seam, original: _Method) -> _Method:
    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        method = _bound(original, self)
        if not seam.is_active:
            return await method(*args, **kwargs)
        with CallScope(seam, _options(args, kwargs, index=1), self):
            return await method(*args, **kwargs)

    return request


def _build_request(seam: Seam, original: _Method) -> _Method:
    def build_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        method, options = _bound(original, self), _options(args, kwargs, index=0)
        call = seam.call_for(options, self) if seam.is_active else None
        if call is None:
            return method(*args, **kwargs)
        others = {name: value for name, value in kwargs.items() if name != "options"}

        def build(amended: Any) -> Any:
            return method(*args, **kwargs) if amended is None else method(amended, **others)

        amended = seam.request_ready(call, options)
        request = build(amended)
        further = seam.request_built(call, self, options if amended is None else amended, request)
        if further is not None:
            request = build(further)
        seam.request_final(call, request)
        return request

    return build_request


def _process_response(seam: Seam, original: _Method) -> _Method:
    def process_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if seam.is_active:
            seam.response_arrived(kwargs.get("response"))
        return _bound(original, self)(*args, **kwargs)

    return process_response


def _async_process_response(seam: Seam, original: _Method) -> _Method:
    async def process_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        if seam.is_active:
            seam.response_arrived(kwargs.get("response"))
        return await _bound(original, self)(*args, **kwargs)

    return process_response


def _bound(method: Any, owner: Any) -> _Method:
    return method.__get__(owner, type(owner))


def _options(args: tuple[Any, ...], kwargs: dict[str, Any], *, index: int) -> Any:
    if "options" in kwargs:
        return kwargs["options"]
    return args[index] if len(args) > index else None
