"""Which requests are inferences, and in which wire format."""

from __future__ import annotations

import re
from urllib.parse import unquote

from otel_promptcache.wire.anthropic.messages import MESSAGES, is_inference_on_a_platform
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.decisions import DECISIONS
from otel_promptcache.wire.openai.responses import COMPACT, RESPONSES
from otel_promptcache.wire.request import MAX_PATH_CHARS

# The longer suffix first: a chat path ends like that of a legacy completion.
_FORMAT_BY_SUFFIX = (
    ("/chat/completions", CHAT_COMPLETIONS),
    ("/completions", COMPLETIONS),
    ("/responses", RESPONSES),
    ("/responses/compact", COMPACT),
    ("/decisions", DECISIONS),
    ("/v1/messages", MESSAGES),  # `/threads/{id}/messages` of OpenAI is none
)

_FETCH = re.compile(r"/responses/(?P<id>[^/]+)(?P<cancel>/cancel)?$")


def wire_format(method: str, path: str) -> WireFormat | None:
    """The format of an inference request; None for whatever else an SDK may send.

    Args:
        method: HTTP method, in any case. Listing stored completions is a GET on the same path.
        path: Path or URL; a query is ignored.
    """
    if method.upper() != "POST":
        return None
    path = _without_query(path)
    found = next((found for suffix, found in _FORMAT_BY_SUFFIX if path.endswith(suffix)), None)
    return MESSAGES if found is None and is_inference_on_a_platform(path) else found


def fetched_response_id(method: str, path: str) -> str | None:
    """The id of the response that a request fetches, or cancels and thereby fetches; None if it does neither.

    Source: openai 3.57.0, `resources/responses/responses.py`, retrieve and cancel (checked 2026-11-25).
    """
    match = _FETCH.search(_without_query(path))
    if match is None or method.upper() != ("POST" if match["cancel"] else "GET"):
        return None
    return unquote(match["id"])


def _without_query(path: str) -> str:
    return path[:MAX_PATH_CHARS].partition("?")[0].rstrip("/")
