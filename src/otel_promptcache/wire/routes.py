"""Which requests are inferences, and in which wire format."""

from __future__ import annotations

import re
from urllib.parse import unquote

from otel_promptcache.wire.anthropic.messages import (
    ANTHROPIC_VERSION,
    MESSAGES,
    is_inference_on_a_platform,
)
from otel_promptcache.wire.converse import CONVERSE, is_converse
from otel_promptcache.wire.format import WireFormat, json_body
from otel_promptcache.wire.generate_content import GENERATE_CONTENT, asks_for_text
from otel_promptcache.wire.generate_content import SUFFIXES as GENERATE_SUFFIXES
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.decisions import DECISIONS
from otel_promptcache.wire.openai.responses import COMPACT, RESPONSES
from otel_promptcache.wire.request import MAX_PATH_CHARS

# The longer suffix first: a chat path ends like that of a legacy completion.
_FORMAT_BY_SUFFIX = {
    "/chat/completions": CHAT_COMPLETIONS,
    "/completions": COMPLETIONS,
    "/responses": RESPONSES,
    "/responses/compact": COMPACT,
    "/decisions": DECISIONS,
    "/v1/messages": MESSAGES,  # OpenAI's `/threads/{id}/messages` is not an inference
    **dict.fromkeys(GENERATE_SUFFIXES, GENERATE_CONTENT),
}

_FETCH = re.compile(r"/responses/(?P<id>[^/]+)(?P<cancel>/cancel)?$")


def wire_format(method: str, path: str) -> WireFormat | None:
    """The format of an inference request; None for anything else that an SDK may send.

    Args:
        method: HTTP method, in any case. Listing stored completions is a GET on the same path.
        path: Path or URL; a query is ignored.
    """
    if method.upper() != "POST":
        return None
    path = _without_query(path)
    if (found := _FORMAT_BY_SUFFIX.get(path)) is not None:  # the usual case
        return found
    found = next((found for suffix, found in _FORMAT_BY_SUFFIX.items() if path.endswith(suffix)), None)
    if found is not None:
        return found
    if is_converse(path):
        return CONVERSE
    return MESSAGES if is_inference_on_a_platform(path) else None


def is_inference_body(path: str, body: object) -> bool:
    """Tell whether what is sent to a path may be an inference, if the path alone does not tell.

    On Bedrock the paths of all models have one form, including those of models that make embeddings or images. Gemini's
    models make images and speech at the same paths as text.

    Args:
        path: Path or URL.
        body: JSON as a value or as text; None for anything else.
    """
    path = _without_query(path)
    if path.endswith(GENERATE_SUFFIXES):
        return asks_for_text(json_body(body))
    return not is_inference_on_a_platform(path) or ANTHROPIC_VERSION in json_body(body)


def fetched_response_id(method: str, path: str) -> str | None:
    """The id of the response that a request fetches, or cancels (which fetches it, too); None if it does neither.

    Source: openai 3.57.0, `resources/responses/responses.py`, retrieve and cancel (checked 2026-11-25).
    """
    match = _FETCH.search(_without_query(path))
    if match is None or method.upper() != ("POST" if match["cancel"] else "GET"):
        return None
    return unquote(match["id"])


def _without_query(path: str) -> str:
    return path[:MAX_PATH_CHARS].partition("?")[0].rstrip("/")
