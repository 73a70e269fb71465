"""Between the SDK's private objects and a `Call`: reads the former, tells the latter."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, cast

from openai._compat import model_copy

from otel_promptcache.call import Address, Call
from otel_promptcache.guard import Guard, guarded
from otel_promptcache.observer import Observer
from otel_promptcache.sdk.tap import install_tap


class CallScope:
    """One `request` of the SDK, from its start to its return; never swallows what the host raises."""

    def __init__(self, seam: Seam, options: Any) -> None:
        self.options = options
        self.call: Call | None = None
        """None where the request is no inference: it hides an outer call from requests made in between."""
        self._seam = seam
        self._token: Token[CallScope | None] | None = None

    def __enter__(self) -> None:
        outer = self._seam.current.get()
        if outer is not None and outer.options is self.options:
            return  # both the base class and the client class are hooked: still one call
        self.call = self._seam.begin(self.options)
        self._token = self._seam.current.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is None:
            return
        with contextlib.suppress(ValueError):  # a pending coroutine may be closed in another context
            self._seam.current.reset(self._token)
        if self.call is not None:
            self.call.detach()
            self.call.left(error)


class Seam:
    """What the hooks do; none of it raises into the host."""

    def __init__(self, observer: Observer) -> None:
        self.current: ContextVar[CallScope | None] = ContextVar("otel_promptcache.call", default=None)
        self._observer = observer
        self._begun: ContextVar[Call | None] = ContextVar("otel_promptcache.begun", default=None)
        self._unbounded: weakref.WeakKeyDictionary[Any, Call] = weakref.WeakKeyDictionary()

    @property
    def guard(self) -> Guard:
        """The observer's."""
        return self._observer.guard

    @guarded
    def begin(self, options: Any) -> Call | None:
        """Start a call; None where the request is no inference."""
        return self._observer.begin(options.method, options.url)

    @guarded
    def request_ready(self, client: Any, options: Any) -> Any:
        """Show the call its final body and where it goes.

        Returns:
            The options to send in their stead; None where they are to be sent as they are.
        """
        scope = self.current.get()
        call = scope.call if scope is not None else self._begin_unbounded(options)
        if call is None:
            return None
        body = _body(options)
        call.request(body, _address(client, options.url))
        if scope is None:
            call.detach()  # nobody would do it later
        additions = call.additions(body)
        if not additions:
            return None
        amended = model_copy(options)
        amended.extra_json = {**(options.extra_json or {}), **additions}
        return amended

    @guarded
    def request_built(self, request: Any) -> None:
        """Note the HTTP request of the call."""
        scope, begun = self.current.get(), self._begun.get()
        if scope is None and begun is not None:
            self._begun.set(None)
            self._unbounded[request] = begun
        elif scope is not None and scope.call is not None and scope.call.hides_usage_event:
            request.headers["Accept-Encoding"] = "identity"  # an encoded body could not be cut

    def _begin_unbounded(self, options: Any) -> Call | None:
        """Begin a call here, because something hides our hook on `request`: its errors go unseen."""
        call = self.begin(options)
        self._begun.set(call)
        return call

    @guarded
    def response_arrived(self, response: Any, *, is_stream: bool) -> None:
        """Read a response that is there, watch one that is still to come."""
        scope = self.current.get()
        call = scope.call if scope is not None else self._unbounded.pop(response.request, None)
        if call is None:
            return
        content_type: str = response.headers.get("content-type", "")
        is_event_stream = is_stream or content_type.startswith("text/event-stream")
        content = _content(response)
        if content is None:
            install_tap(response, call)
            call.response_opened(
                content_encoding=response.headers.get("content-encoding", ""), is_event_stream=is_event_stream
            )
        elif is_event_stream:
            call.response_opened(content_encoding="", is_event_stream=True)
            call.chunk(content)
            call.body_ended()
        else:
            call.response(content)
        if scope is None:
            call.left(None)


def _address(client: Any, url: str) -> Address:
    """Where a request goes; its URL is joined with that of the client only where it replaces it."""
    if "://" in url:
        target = client._prepare_url(url)
        return Address(target.host, target.port, target.path)
    base = client.base_url
    return Address(base.host, base.port, base.path.rstrip("/") + "/" + url.lstrip("/"))


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
