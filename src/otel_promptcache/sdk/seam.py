"""Between the SDK's private objects and a `Call`: reads the former, tells the latter."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, cast

from otel_promptcache.calls.fetch import Exchange
from otel_promptcache.calls.inference import Address
from otel_promptcache.calls.observer import Observer
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.sdk.clients import client_platform
from otel_promptcache.sdk.headers import read_headers
from otel_promptcache.sdk.peers import is_observed_by_a_peer
from otel_promptcache.sdk.tap import install_tap
from otel_promptcache.wire.body import is_document
from otel_promptcache.wire.gateways import NO_GATEWAY, read_gateway

_MAX_HOST_CHARS = 255


class CallScope:
    """One `request` of the SDK, from its start to its return; never swallows what the host raises."""

    def __init__(self, seam: Seam, options: Any) -> None:
        self.options = options
        self.call: Exchange | None = None
        """None if the request is no inference: it hides an outer call from requests made in between."""
        self._seam = seam
        self._outer = seam.current.get()
        # Both the base class and the client class may be hooked: still one call.
        self._is_repeated = self._outer is not None and self._outer.options is options

    def __enter__(self) -> None:
        if not self._is_repeated:
            self.call = self._seam.begin(self.options)
            self._seam.current.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_repeated:
            return
        # No token: a pending coroutine may be closed in another context, where a token would raise.
        if self._seam.current.get() is self:
            self._seam.current.set(self._outer)
        self._outer = None
        if self.call is not None:
            self.call.detach()
            self.call.left(error)


class Seam:
    """What the hooks do; none of it raises into the host."""

    def __init__(self, observer: Observer) -> None:
        self.is_active = False
        """The hooks are in place; what an application kept of them passes everything through otherwise."""
        self.current: ContextVar[CallScope | None] = ContextVar("otel_promptcache.calls.call", default=None)
        self._observer = observer
        self._unbounded: weakref.WeakKeyDictionary[Any, Exchange] = weakref.WeakKeyDictionary()
        """Calls by their request that were begun without a scope."""

    @property
    def guard(self) -> Guard:
        """The observer's."""
        return self._observer.guard

    @guarded
    def begin(self, options: Any) -> Exchange | None:
        """Start a call; None if the request is no inference."""
        return self._observer.begin(options.method, options.url)

    def call_for(self, options: Any) -> Exchange | None:
        """The call that a request belongs to; None if it is no inference.

        If something hides our hook on `request`, the call begins here, and errors before its response go unseen.
        """
        scope = self.current.get()
        return self.begin(options) if scope is None else scope.call

    @guarded
    def request_ready(self, call: Exchange, options: Any) -> Any:
        """Return the options to send instead of these; None if they are to be sent as they are."""
        return _amended(options, call.amendments.usage(_body(options)))

    @guarded
    def request_built(self, call: Exchange, client: object, options: Any, request: Any) -> Any:
        """Show the call its final body, whose client sends it and where it goes.

        Returns:
            The options to build the request from again; None if it is to be sent as it is.
        """
        body = _body(options)
        call.request(body, self._address(client, request), is_observed_by_a_peer())
        return _amended(options, call.diagnostics_addition(body))

    @guarded
    def request_final(self, call: Exchange, request: Any) -> None:
        """Note the HTTP request that is about to be sent, for the first time or again."""
        call.attempt_begins()
        if call.amendments.hides_usage_event:
            request.headers["Accept-Encoding"] = "identity"  # an encoded body could not be cut
        if self.current.get() is None:
            call.detach()  # nobody would do it later
            self._unbounded[request] = call

    @guarded
    def response_arrived(self, response: Any) -> None:
        """Read a response that is there, watch one that is still to come."""
        scope = self.current.get()
        call = scope.call if scope is not None else self._unbounded.pop(response.request, None)
        if call is None:
            return
        gateway = read_gateway(response.headers.raw)
        if gateway is not NO_GATEWAY:
            call.gateway(gateway)
        content = _content(response)
        if content is None:
            install_tap(response, call)
            content_type = response.headers.get("content-type", "") if call.may_be_framed else ""
            call.response_opened(response.headers.get("content-encoding", ""), content_type)
        elif is_document(content):
            call.response(content)
        else:  # events, whether or not they were asked for
            call.response_opened("")
            call.chunk(content)
            call.body_ended()
        if scope is None:
            call.left(None)

    def _address(self, client: object, request: Any) -> Address:
        """Where a request goes, on whose account, and with which settings in its headers."""
        url = request.url
        account, settings = read_headers(request.headers.raw, self._observer.hash_value)
        platform = client_platform(client)
        return Address(url.host[:_MAX_HOST_CHARS], url.port, url.path, account, settings, platform)


def _amended(options: Any, addition: Mapping[str, Any] | None) -> Any:
    if not addition:
        return None
    amended = (
        options.model_copy() if hasattr(options, "model_copy") else options.copy()
    )  # the latter in pydantic 1
    amended.extra_json = {**(options.extra_json or {}), **addition}
    return amended


def _body(options: Any) -> Any:
    """The body as it is sent: decoded where the SDK has it so, else bytes or whatever the host gave."""
    content, json_data = getattr(options, "content", None), options.json_data
    if content is not None:
        return content
    if options.extra_json and isinstance(json_data, Mapping):
        return {**cast("Mapping[str, Any]", json_data), **options.extra_json}
    return options.extra_json if json_data is None else json_data


def _content(response: Any) -> bytes | None:
    """The content of a response; None where it has not been read."""
    try:
        content: bytes = response.content
    except RuntimeError:  # ResponseNotRead of httpx or httpx2
        return None
    return content
