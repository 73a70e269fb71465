"""Adapts the SDK's private objects to a `Call`: reads the former and notifies the latter."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

from otel_promptcache.calls.address import Address
from otel_promptcache.calls.fetch import Exchange
from otel_promptcache.calls.observer import Observer
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.sdk.clients import client_platform
from otel_promptcache.sdk.handler_request import HandlerRequest
from otel_promptcache.sdk.headers import read_headers
from otel_promptcache.sdk.peers import is_observed_by_a_peer, is_of_no_inference
from otel_promptcache.sdk.tap import install_tap
from otel_promptcache.wire.body import is_document
from otel_promptcache.wire.gateways import NO_GATEWAY, read_gateway
from otel_promptcache.wire.routes import is_inference_body

_MAX_HOST_CHARS = 255
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ERROR_STATUS = 400
"""The first status that says that a request failed."""


class CallScope:
    """One `request` of the SDK, from its start to its return; never swallows what the host raises."""

    def __init__(self, seam: Seam, options: Any, client: object = None) -> None:
        self.options: Any = options
        self._client = client
        self.call: Exchange | None = None
        """None if the request is not an inference: it hides an outer call from requests made within it."""
        self.is_open = True
        """False once the request has returned; what was started inside it may still see this scope."""
        self._seam = seam
        self._outer = seam.current.get()
        # Both the base class and the client class may be hooked: still one call.
        self._is_repeated = self._outer is not None and self._outer.options is options

    def __enter__(self) -> None:
        if not self._is_repeated:
            self.call = self._begin()
            self._seam.current.set(self)

    def _begin(self) -> Exchange | None:
        return self._seam.begin(self.options, self._client)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_repeated:
            return
        # No token: a pending coroutine may be closed in a different context, where a token would raise.
        if self._seam.current.get() is self:
            self._seam.current.set(self._outer)
        # Timers and tasks that were started in here keep this object, which must not keep the prompt.
        call, self.call = self.call, None
        self.options = self._client = self._outer = None
        self.is_open = False
        if call is not None:
            call.detach()
            call.left(error)


class Seam:
    """What the hooks do; none of it raises into the host."""

    def __init__(self, observer: Observer) -> None:
        self.is_active = False
        """The hooks are in place. If not, those that an application kept pass everything through."""
        self.current: ContextVar[CallScope | None] = ContextVar("otel_promptcache.calls.call", default=None)
        self._observer = observer
        self._unbounded: weakref.WeakKeyDictionary[Any, Exchange] = weakref.WeakKeyDictionary()
        """Calls that started without a scope, by their request."""

    @property
    def guard(self) -> Guard:
        """The observer's guard."""
        return self._observer.guard

    @guarded
    def begin(self, options: Any, client: Any) -> Exchange | None:
        """Start a call; None if the request is not an inference."""
        method, url = options.method, str(options.url)
        if not url.startswith(("/", "http")):
            url = f"/{url}"
        call = self._observer.begin(method, url)
        if call is None and method.lower() == "post":
            # A part of the path may be in the client's base URL, or the slash at its start may be missing.
            path = client._prepare_url(url).path  # what the SDK makes the URL with
            call = self._observer.begin(method, path)
        return call

    @guarded
    def begin_handler_request(self, request: HandlerRequest) -> Exchange | None:
        """Start a call of an HTTP handler; None if the request is not an inference."""
        url = str(request.url)
        call = self._observer.begin(request.method, url)
        if call is None or not is_inference_body(url, request.body()) or is_of_no_inference():
            return None
        return call

    @guarded
    def handler_request(self, call: Exchange, request: HandlerRequest) -> Mapping[str, Any] | None:
        """Show the call a request of an HTTP handler, which is about to be sent.

        Returns:
            The arguments to change; None if there are none.
        """
        body, address = request.amendable_body(), self._handler_address(request)
        if body is None:
            call.request(request.body(), address, is_observed_by_a_peer())
            call.attempt_begins()
            return None
        usage = call.amendments.usage(body) or {}
        call.request({**body, **usage}, address, is_observed_by_a_peer())
        additions = {**usage, **(call.diagnostics_addition({**body, **usage}) or {})}
        call.attempt_begins()
        if not additions:
            return None
        return request.amended({**body, **additions}, as_it_is=call.amendments.hides_usage_event)

    @guarded
    def handler_returned(self, response: Any) -> None:
        """Read or watch a response that an HTTP handler hands out."""
        if response.status_code < _ERROR_STATUS:
            self.response_arrived(response)

    def call_for(self, options: Any, client: object) -> Exchange | None:
        """The call that a request belongs to; None if it is not an inference.

        If something hides our hook on `request`, the call begins here, and errors before its response go unseen.
        """
        scope = self.current.get()
        if scope is None or not scope.is_open:
            return self.begin(options, client)
        if scope.call is not None and scope.call.has_answer:
            # Middleware asks again after an answer, perhaps a different model: that is another inference.
            scope.call.detach()
            scope.call.left(None)
            scope.call = self.begin(options, client)
        return scope.call

    @guarded
    def request_ready(self, call: Exchange, options: Any) -> Any:
        """Return the options to send instead of these; None to send them unchanged."""
        return _amended(options, call.amendments.usage(_body(options)))

    @guarded
    def request_built(self, call: Exchange, client: object, options: Any, request: Any) -> Any:
        """Show the call its final body, the client that sends it, and where it goes.

        Returns:
            The options to build the request from again; None to send it unchanged.
        """
        body = _body(options)
        call.request(
            body, self._address(client, request), is_observed_by_a_peer(), partial(_content, request)
        )
        return _amended(options, call.diagnostics_addition(body))

    @guarded
    def request_final(self, call: Exchange, request: Any) -> None:
        """Note the HTTP request that is about to be sent, for the first time or again."""
        call.attempt_begins()
        if call.amendments.hides_usage_event:
            request.headers["Accept-Encoding"] = "identity"  # an encoded body could not be cut
        scope = self.current.get()
        if scope is None or not scope.is_open:
            call.detach()  # nothing would do it later
            self._unbounded[request] = call
            # If there is no response, nobody else ends the call.
            weakref.finalize(request, call.unanswered).atexit = False

    @guarded
    def response_arrived(self, response: Any) -> None:
        """Read a response that has arrived; watch one that is still to come."""
        scope = self.current.get()
        if scope is not None and not scope.is_open:
            scope = None
        call = scope.call if scope is not None else self._unbounded.pop(response.request, None)
        if call is None:
            return
        if scope is not None and response.status_code >= _ERROR_STATUS:
            return  # with middleware, the SDK also passes on the answer to an attempt that it makes again
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
            if call.amendments.hides_usage_event:
                response._content = call.amendments.cut(content)  # it has been read: nothing passes us later
            call.response_opened("", response.headers.get("content-type", "") if call.may_be_framed else "")
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

    def _handler_address(self, request: HandlerRequest) -> Address:
        url = urlsplit(str(request.url))
        account, settings = read_headers(request.header_pairs(), self._observer.hash_value)
        port = None if url.port == _DEFAULT_PORTS.get(url.scheme) else url.port
        return Address((url.hostname or "")[:_MAX_HOST_CHARS], port, url.path, account, settings)


def _amended(options: Any, addition: Mapping[str, Any] | None) -> Any:
    if not addition:
        return None
    amended = (
        options.model_copy() if hasattr(options, "model_copy") else options.copy()
    )  # the latter in pydantic 1
    amended.extra_json = {**(options.extra_json or {}), **addition}
    return amended


def _body(options: Any) -> Any:
    """The body as it is sent: decoded if the SDK has it decoded, else bytes or whatever the host passed."""
    content, json_data = getattr(options, "content", None), options.json_data
    if content is not None:
        return content
    if options.extra_json and isinstance(json_data, Mapping):
        return {**cast("Mapping[str, Any]", json_data), **options.extra_json}
    return options.extra_json if json_data is None else json_data


def _content(message: Any) -> bytes | None:
    """The content of a request or response; None if it has not been read."""
    try:
        content: bytes = message.content
    except RuntimeError:  # RequestNotRead or ResponseNotRead of httpx or httpx2
        return None
    return content
