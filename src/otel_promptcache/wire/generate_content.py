"""`POST …/models/{model}:generateContent` of Gemini and Vertex AI."""

from __future__ import annotations

import re
from typing import Any

from otel_promptcache.core.exchange import MAX_CHOICES, Reply
from otel_promptcache.core.money.usage import MODALITIES, TokenUsage
from otel_promptcache.wire.counts import whole_count
from otel_promptcache.wire.format import (
    MAX_ID_CHARS,
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

SUFFIXES = (":generateContent", ":streamGenerateContent")
_PATH = re.compile(r"/(?P<model>[^/:]+):(?P<stream>streamG|g)enerateContent$")
_ERROR = "APIError"
_TEXT = ("TEXT", "text")


def _read_path(path: str) -> PathContent:
    match = _PATH.search(path)
    if match is None:
        return NO_PATH_CONTENT
    return PathContent(string(match["model"]), is_stream=match["stream"] == "streamG")


def asks_for_text(request: Json) -> bool:
    """Tell whether the request asks for text, not for an image or speech. Names may be in camel or snake case."""
    configs = [mapping(request.get(name)) for name in ("generationConfig", "generation_config")]
    asked = [config.get(name) for config in configs for name in ("responseModalities", "response_modalities")]
    return all(word(each) in _TEXT for modalities in asked for each in sequence(modalities))


def _read(message: Json) -> AnswerPart:
    usage, invalid_usage = reported(message, "usageMetadata", _usage)
    reasons: dict[int, str] = {}
    has_token = False
    for position, raw_candidate in enumerate(sequence(message.get("candidates"))[:MAX_CHOICES]):
        candidate = mapping(raw_candidate)
        has_token = has_token or bool(mapping(candidate.get("content")).get("parts"))
        if reason := word(candidate.get("finishReason")):
            index = candidate.get("index")
            reasons[index if type(index) is int and 0 <= index < MAX_CHOICES else position] = reason
    error = message.get("error")
    reply = Reply(
        response_id=string(message.get("responseId"), MAX_ID_CHARS),
        model=string(message.get("modelVersion")),
        finish_reasons=reasons or None,
        error_type=(word(mapping(error).get("status")) or _ERROR) if error else None,
    )
    return AnswerPart(reply, usage, invalid_usage, has_token, is_terminal=bool(error))


def _usage(usage: Json) -> TokenUsage:
    """The prompt includes what was cached. Whether the candidates include the thoughts varies; the total tells."""
    prompt = counted(usage, "promptTokenCount", "toolUsePromptTokenCount")
    output = counted(usage, "candidatesTokenCount", "thoughtsTokenCount")
    candidates, total = counted(usage, "candidatesTokenCount"), counted(usage, "totalTokenCount")
    if candidates is not None and total == (prompt or 0) + candidates:
        output = candidates
    thoughts: Any = whole_count(usage.get("thoughtsTokenCount"))
    cached: Any = whole_count(usage.get("cachedContentTokenCount"))
    return TokenUsage(
        input_tokens=prompt,
        output_tokens=output,
        reasoning_tokens=thoughts,
        cache_read_tokens=cached,
        modalities=frozenset(MODALITIES) & set(_modalities(usage)),
    )


def _modalities(usage: Json) -> list[str]:
    details = [mapping(each) for each in sequence(usage.get("promptTokensDetails"))[:MAX_CHOICES]]
    return [(word(each.get("modality")) or "").lower() for each in details if each.get("tokenCount")]


GENERATE_CONTENT = usage_alone(
    operation="generate_content",
    read_answer=_read,
    late_events=re.compile(rb'"finishReason"\s*:\s*"|"error"'),
    read_path=_read_path,
)
"""Each event of a stream has the usage so far; the last one says why the stream ended.

Source: Gemini API, generateContent, UsageMetadata; litellm 1.110.2, `types/llms/vertex_ai.py` and
`llms/vertex_ai/gemini` (checked 2026-11-26).
"""
