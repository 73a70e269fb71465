"""Which requests are inferences, and in which wire format."""

from __future__ import annotations

from otel_promptcache.wire.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.decisions import DECISIONS
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.request import MAX_PATH_CHARS
from otel_promptcache.wire.responses import COMPACT, RESPONSES

# The longer suffix first: a chat path ends like that of a legacy completion.
_FORMAT_BY_SUFFIX = (
    ("/chat/completions", CHAT_COMPLETIONS),
    ("/completions", COMPLETIONS),
    ("/responses", RESPONSES),
    ("/responses/compact", COMPACT),
    ("/decisions", DECISIONS),
)


def wire_format(method: str, path: str) -> WireFormat | None:
    """The format of an inference request; None for whatever else an SDK may send.

    Args:
        method: HTTP method, in any case. Listing stored completions is a GET on the same path.
        path: Path or URL; a query is ignored.
    """
    if method.upper() != "POST":
        return None
    path = path[:MAX_PATH_CHARS].partition("?")[0].rstrip("/")
    return next((found for suffix, found in _FORMAT_BY_SUFFIX if path.endswith(suffix)), None)
