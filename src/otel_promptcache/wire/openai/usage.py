"""The `usage` object of OpenAI and of the servers that speak its API."""

from __future__ import annotations

from typing import Any, cast

from otel_promptcache.core.money.usage import (
    MODALITIES,
    TEXT_ALONE,
    InvalidUsageError,
    LifetimeTokens,
    TokenUsage,
)
from otel_promptcache.wire.counts import usage_object, whole_count
from otel_promptcache.wire.format import Json, mapping, sequence

_COUNTED = {f"{modality}_tokens": modality for modality in MODALITIES}


def reported_usage(
    response: Json, *, input_name: str, output_name: str
) -> tuple[TokenUsage | None, InvalidUsageError | None]:
    """The usage of a response, or what is impossible about it; neither if there is none."""
    try:
        return read_usage(response, input_name=input_name, output_name=output_name), None
    except InvalidUsageError as error:
        return None, error


def read_usage(response: Json, *, input_name: str, output_name: str) -> TokenUsage | None:
    """Read exactly what was reported: a zero stays a zero, and what is missing stays unknown.

    Args:
        response: Anything that may have a `usage` member.
        input_name: What the API calls the input, `prompt` or `input`.
        output_name: What the API calls the output, `completion` or `output`.

    Returns:
        None if there is no usage (yet): absent, or null as in most events of a stream.

    Raises:
        InvalidUsageError: Usage is present but not an object of counts, or the counts are impossible.

    Source: openai 3.51.0, `types/completion_usage.py` and `types/responses/response_usage.py`; DeepSeek's
    top-level `prompt_cache_hit_tokens` from its context caching guide (checked 2026-11-20). Moonshot's `cached_tokens`
    and its usage in a choice; `x_groq.usage`; the names for writes of LiteLLM, DashScope and vLLM; xAI's `image_tokens`
    and OpenRouter's `video_tokens` (checked 2026-11-25).
    """
    raw: object = response.get("usage")
    if raw is None:
        raw = _usage_elsewhere(response)
    if raw is None:
        return None
    usage = usage_object(raw, "usage")
    input_details = usage_object(usage.get(f"{input_name}_tokens_details"), f"{input_name}_tokens_details")
    output_details = usage_object(usage.get(f"{output_name}_tokens_details"), f"{output_name}_tokens_details")
    write_details = usage_object(
        input_details.get("cache_write_tokens_details"), "cache_write_tokens_details"
    )
    cache_read_tokens: Any = input_details.get("cached_tokens")
    if cache_read_tokens is None:
        cache_read_tokens = _first(usage, "prompt_cache_hit_tokens", "cached_tokens")
    cache_write_tokens = input_details.get("cache_write_tokens")
    if cache_write_tokens is None:
        cache_write_tokens = _first(
            input_details, "cache_creation_tokens", "cache_creation_input_tokens", "created_cache_tokens"
        )
    if cache_write_tokens is None:
        cache_write_tokens = usage.get("cache_creation_input_tokens")
    audio, image, video = map(input_details.get, _COUNTED)
    return TokenUsage(
        input_tokens=whole_count(usage.get(f"{input_name}_tokens")),
        output_tokens=whole_count(usage.get(f"{output_name}_tokens")),
        reasoning_tokens=whole_count(output_details.get("reasoning_tokens")),
        cache_read_tokens=whole_count(cache_read_tokens),
        cache_write_tokens=whole_count(cache_write_tokens),
        written_by_lifetime=_by_lifetime(write_details) if write_details else None,
        modalities=_modalities(input_details) if audio or image or video else TEXT_ALONE,
    )


def _by_lifetime(write_details: Json) -> LifetimeTokens:
    counts = [
        (lifetime, whole_count(write_details.get(f"ttl_{lifetime}_tokens"))) for lifetime in ("30m", "12h")
    ]
    return tuple([(lifetime, count) for lifetime, count in counts if count is not None])


def _modalities(input_details: Json) -> frozenset[str]:
    """The kinds of input other than text for which tokens are reported."""
    return frozenset(kind for name, kind in _COUNTED.items() if _is_positive(input_details.get(name)))


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and cast("float", value) > 0


def _usage_elsewhere(response: Json) -> object:
    """The usage that a server puts elsewhere; None if there is none."""
    if "x_groq" in response:
        return mapping(response.get("x_groq")).get("usage")
    choices = sequence(response.get("choices"))
    return mapping(choices[0]).get("usage") if choices else None


def _first(members: Json, *names: str) -> Any:
    """The first of these members that is present."""
    return next((members[name] for name in names if members.get(name) is not None), None)
