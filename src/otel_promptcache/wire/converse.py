"""`POST /model/{id}/converse` of Amazon Bedrock, for all its models."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from otel_promptcache.core.exchange import Reply
from otel_promptcache.core.money.usage import LifetimeTokens, TokenUsage
from otel_promptcache.wire.counts import whole_count
from otel_promptcache.wire.format import (
    NO_PATH_CONTENT,
    AnswerPart,
    Json,
    PathContent,
    mapping,
    sequence,
    string,
    word,
)
from otel_promptcache.wire.usage_alone import counted, reported, usage_alone

SUFFIXES = ("/converse", "/converse-stream")
_PATH = re.compile(r"/model/(?P<model>.+)/converse(?P<stream>-stream)?$")
_ERROR = "APIStatusError"
_LIFETIMES = ("5m", "1h")


def is_converse(path: str) -> bool:
    """Whether a path without a query is that of Bedrock's Converse API."""
    return path.endswith(SUFFIXES) and _PATH.search(path) is not None


def _read_path(path: str) -> PathContent:
    match = _PATH.search(path)
    if match is None:
        return NO_PATH_CONTENT
    return PathContent(string(unquote(match["model"])), is_stream=match["stream"] is not None)


def _read(message: Json) -> AnswerPart:
    if message.get("type") == "error":
        error_type = word(mapping(message.get("error")).get("type")) or _ERROR
        return AnswerPart(Reply(error_type=error_type), is_terminal=True)
    stop_reason = word(message.get("stopReason"))
    reply = Reply(finish_reasons={0: stop_reason} if stop_reason else None)
    usage, invalid_usage = reported(message, "usage", _usage)
    has_token = message.get("usage") is None and bool(message.get("delta"))
    return AnswerPart(reply, usage, invalid_usage, has_token)


def _usage(usage: Json) -> TokenUsage:
    """The reported input excludes what was read from the cache and written to it."""
    read: Any = whole_count(usage.get("cacheReadInputTokens"))
    written: Any = whole_count(usage.get("cacheWriteInputTokens"))
    output: Any = whole_count(usage.get("outputTokens"))
    return TokenUsage(
        input_tokens=counted(usage, "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        written_by_lifetime=_by_lifetime(usage) or None,
    )


def _by_lifetime(usage: Json) -> LifetimeTokens:
    details = [mapping(each) for each in sequence(usage.get("cacheDetails"))[: len(_LIFETIMES)]]
    return tuple(
        (each["ttl"], whole_count(each.get("inputTokens")))
        for each in details
        if each.get("ttl") in _LIFETIMES
    )


CONVERSE = usage_alone(
    operation="chat",
    read_answer=_read,
    late_events=re.compile(rb'"usage"|"stopReason"|"type"\s*:\s*"error"'),
    may_be_framed=True,
    read_path=_read_path,
)
"""A stream says why it ended in one event, and has the usage in the next, which is the last.

Source: Amazon Bedrock, Converse, TokenUsage; litellm 1.110.2, `types/llms/bedrock.py` (checked 2026-11-26).
"""
