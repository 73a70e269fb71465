"""`POST /v1/messages`, and the paths at which Bedrock and Vertex AI offer the same API."""

from __future__ import annotations

import re
from urllib.parse import unquote

from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.money.usage import is_token_count
from otel_promptcache.wire.anthropic.prompt import blocks, options, scope, settings
from otel_promptcache.wire.anthropic.usage import billing, reported_message_usage
from otel_promptcache.wire.format import (
    MAX_ID_CHARS,
    NO_PATH_CONTENT,
    AnswerPart,
    Json,
    PathContent,
    WireFormat,
    mapping,
    string,
    word,
)
from otel_promptcache.wire.gateways import stated_cost

_ERROR = "APIStatusError"
"""For an error without a type: the SDK's exception that the caller sees."""
_TOKENS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}
"""Deltas that carry output, each with the member that has it."""
_LATE_EVENTS = re.compile(rb'"type"\s*:\s*"(?:message_delta|message_stop|error)"')

_REASONS = {
    "model_changed": ("model_changed", None),
    "tools_changed": ("tools_changed", "tools"),
    "system_changed": ("input_changed", "system"),
    "messages_changed": ("input_changed", "messages"),
}
"""The reasons in the API's diagnostics: our name for each, and the part of the request that it is about.

`unavailable` and `previous_message_not_found` say nothing.

Source: anthropic 2.14.0, `types/cache_miss_reason.py` (checked 2026-11-25).
"""

_BEDROCK = re.compile(r"/model/(?P<model>.+)/invoke(?P<stream>-with-response-stream)?$")
_VERTEX = re.compile(
    r"/locations/(?P<region>[^/]+)/publishers/anthropic/models/(?P<model>[^/]+):(?P<stream>streamR|r)awPredict$"
)
_PLATFORM_SUFFIXES = ("/invoke", "/invoke-with-response-stream", ":rawPredict", ":streamRawPredict")
ANTHROPIC_VERSION = "anthropic_version"
"""The member that each request to a platform has, instead of a header."""
_NO_MODEL = "count-tokens"
"""Takes the place of the model in a path that only counts tokens."""


def is_inference_on_a_platform(path: str) -> bool:
    """Whether a path without a query is that of an inference on Bedrock or Vertex AI."""
    if not path.endswith(_PLATFORM_SUFFIXES):
        return False
    if _BEDROCK.search(path) is not None:
        return True
    vertex = _VERTEX.search(path)
    return vertex is not None and vertex["model"] != _NO_MODEL


def read_path(path: str) -> PathContent:
    """What a path says about the request.

    Regional endpoints of Vertex AI bill more than the global one for newer models, which no price list says.

    Sources: anthropic 2.14.0, `lib/bedrock/_client.py` and `lib/vertex/_client.py`; Anthropic, Claude on Vertex AI,
    global and regional endpoints (checked 2026-11-25).
    """
    if not path.endswith(_PLATFORM_SUFFIXES):
        return NO_PATH_CONTENT
    if (bedrock := _BEDROCK.search(path)) is not None:
        return PathContent(string(unquote(bedrock["model"])), is_stream=bedrock["stream"] is not None)
    if (vertex := _VERTEX.search(path)) is not None:
        return PathContent(
            string(unquote(vertex["model"])),
            is_stream=vertex["stream"] == "streamR",
            has_list_price=vertex["region"] == "global",
        )
    return NO_PATH_CONTENT


def _asks_for_another_price(request: Json) -> bool:
    """Whether the request asks for something that is not billed at the standard prices, if the provider complies."""
    region = request.get("inference_geo")
    return request.get("speed") == "fast" or (region is not None and region != "global")


def _read(message: Json) -> AnswerPart:
    kind = message.get("type")
    if kind == "content_block_delta":
        delta = mapping(message.get("delta"))
        name = delta.get("type")
        return AnswerPart(has_token=isinstance(name, str) and bool(delta.get(_TOKENS.get(name, ""))))
    if kind == "message_start":
        return _read_message(mapping(message.get("message")), has_output=False)
    if kind == "message_delta":
        return _read_end(message)
    if kind == "message_stop":
        return AnswerPart(is_terminal=True)
    if kind == "error":
        error_type = word(mapping(message.get("error")).get("type")) or _ERROR
        return AnswerPart(Reply(error_type=error_type), is_terminal=True)
    return _read_message(message, has_output=True) if kind == "message" else AnswerPart()


def _read_message(message: Json, *, has_output: bool) -> AnswerPart:
    raw_usage = message.get("usage")
    usage, invalid_usage = reported_message_usage(raw_usage, has_output=has_output)
    stop_reason, usage_members = word(message.get("stop_reason")), mapping(raw_usage)
    reply = Reply(
        response_id=string(message.get("id"), MAX_ID_CHARS),
        model=string(message.get("model")),
        cost_usd=stated_cost(usage_members),
        upstream=string(message.get("provider")),  # OpenRouter says who served it
        finish_reasons={0: stop_reason} if stop_reason else None,
        diagnosis=_diagnosis(message) if "diagnostics" in message else None,
        billing=billing(usage_members),
    )
    return AnswerPart(reply, usage, invalid_usage)


def _read_end(message: Json) -> AnswerPart:
    raw_usage = message.get("usage")
    usage, invalid_usage = reported_message_usage(raw_usage)
    stop_reason = word(mapping(message.get("delta")).get("stop_reason"))
    reply = Reply(
        finish_reasons={0: stop_reason} if stop_reason else None,
        cost_usd=stated_cost(mapping(raw_usage)),
        billing=billing(mapping(raw_usage)),
    )
    return AnswerPart(reply, usage, invalid_usage)


def _diagnosis(message: Json) -> ProviderDiagnosis | None:
    """The provider's own diagnosis, if the request asked for it and the comparison had a result."""
    said = mapping(mapping(message.get("diagnostics")).get("cache_miss_reason"))
    known = _REASONS.get(word(said.get("type")) or "")
    if known is None:
        return None
    tokens = said.get("cache_missed_input_tokens")
    return ProviderDiagnosis(known[0], tokens if is_token_count(tokens) else None, path=known[1])


def _ask_why(request: Json, earlier_response_id: str | None) -> Json:
    """Ask for the API's diagnostics. The API remembers only requests that asked, so the first one asks as well.

    Source: Anthropic, cache diagnostics; anthropic 2.14.0, `types/diagnostics_param.py` (checked 2026-11-26).
    """
    if "diagnostics" in request:
        return {}
    earlier = earlier_response_id if (earlier_response_id or "").startswith("msg_") else None
    return {"diagnostics": {"previous_message_id": earlier}}


MESSAGES = WireFormat(
    operation="chat",
    api_type=None,
    blocks=blocks,
    scope=scope,
    settings=settings,
    options=options,
    read_answer=_read,
    late_events=_LATE_EVENTS,
    vendor="anthropic",
    has_openai_tiers=False,
    has_early_usage=True,
    may_be_framed=True,
    read_path=read_path,
    ask_why=_ask_why,
    asks_for_another_price=_asks_for_another_price,
)
