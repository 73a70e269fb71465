"""Tells whether another instrumentation observes the call that is being made."""

from __future__ import annotations

import functools
import inspect
import re

_MAX_FRAMES = 64
"""Frames that are looked at. Between an application and a request there are about ten."""

_PEER = re.compile(
    r"(?:opentelemetry|openinference)\.instrumentation\.(?:\w+\.)*\w*(?:openai|anthropic|genai)"
)
_BETWEEN = re.compile(
    r"(?:otel_promptcache|openai|anthropic|wrapt|functools|contextlib)(?:\.|$)|" + _PEER.pattern
)
"""Modules whose code stands between an application and a request of the SDK."""


def is_observed_by_a_peer() -> bool:
    """Tell whether the code of another GenAI instrumentation stands between the application and this request.

    It then records the conventions' metrics, whether or not its span is sampled.
    """
    frame = inspect.currentframe()
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        is_between, is_peer = _kind_of(str(frame.f_globals.get("__name__")))
        if is_peer or not is_between:
            return is_peer
        frame = frame.f_back
    return False


@functools.lru_cache(256)
def _kind_of(module: str) -> tuple[bool, bool]:
    """Whether a module stands between an application and a request, and whether it is a peer's."""
    return _BETWEEN.match(module) is not None, _PEER.match(module) is not None
