"""Tells whether another instrumentation observes the call that is being made."""

from __future__ import annotations

import inspect
import re

_MAX_FRAMES = 64
"""Frames that are looked at. Between an application and a request there are about ten."""

_PEER = re.compile(r"(?:opentelemetry|openinference)\.instrumentation\.(?:\w+\.)*\w*(?:openai|genai)")
_BETWEEN = re.compile(r"(?:otel_promptcache|openai|wrapt|functools|contextlib)(?:\.|$)|" + _PEER.pattern)
"""Modules whose code stands between an application and a request of the SDK."""


def is_observed_by_a_peer() -> bool:
    """Tell whether the code of another GenAI instrumentation stands between the application and this request.

    It then records the conventions' metrics, whether or not its span is sampled.
    """
    frame = inspect.currentframe()
    for _ in range(_MAX_FRAMES):
        module = "" if frame is None else str(frame.f_globals.get("__name__"))
        if frame is None or not _BETWEEN.match(module):
            return False
        if _PEER.match(module):
            return True
        frame = frame.f_back
    return False
