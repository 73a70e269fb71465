"""Tells whose code is between an application and an SDK's request."""

from __future__ import annotations

import functools
import inspect
import re

_MAX_FRAMES = 64
"""Frames that are inspected. Between an application and a request there are about ten."""

_PEER = re.compile(
    r"(?:opentelemetry|openinference)\.instrumentation\.(?:\w+\.)*\w*(?:openai|anthropic|genai)"
)
_BETWEEN = re.compile(
    r"(?:otel_promptcache|openai|anthropic|wrapt|functools|contextlib)(?:\.|$)|" + _PEER.pattern
)
"""Modules whose code may be between an application and the SDK's request."""
_REQUEST = "request"
"""The method of a client that a subclass of the application may replace and call."""

_HANDLER = re.compile(
    r"(?:otel_promptcache|wrapt|functools)(?:\.|$)|litellm\.(?:litellm_core_utils|llms\.custom_httpx\.http_handler)"
)
"""Modules whose code may be between an HTTP handler of LiteLLM and its user."""
_NO_USER_OF_MODELS = re.compile(
    r"litellm(?:_enterprise)?\.(?:integrations|proxy|secret_managers|telemetry|tracing)\."
)
"""Modules of LiteLLM that send logs and alerts through the same handlers as requests to models."""


def is_of_no_inference() -> bool:
    """Tell whether LiteLLM makes this request for logs or alerts, whose URLs may look like those of a model."""
    frame = inspect.currentframe()
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        module = str(frame.f_globals.get("__name__"))
        if _HANDLER.match(module) is None:
            return _NO_USER_OF_MODELS.match(module) is not None
        frame = frame.f_back
    return False


def is_observed_by_a_peer() -> bool:
    """Tell whether the code of another GenAI instrumentation is between the application and this request.

    If so, it records the conventions' metrics, whether or not its span is sampled.
    """
    frame = inspect.currentframe()
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        is_between, is_peer = _kind_of(str(frame.f_globals.get("__name__")))
        if is_peer or not (is_between or frame.f_code.co_name == _REQUEST):
            return is_peer
        frame = frame.f_back
    return False


@functools.lru_cache(256)
def _kind_of(module: str) -> tuple[bool, bool]:
    """Whether a module may be between an application and a request, and whether it is a peer's."""
    return _BETWEEN.match(module) is not None, _PEER.match(module) is not None
