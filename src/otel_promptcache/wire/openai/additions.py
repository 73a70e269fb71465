"""What may be added to a request if a setting allows it; everything that the request already says is kept."""

from __future__ import annotations

from otel_promptcache.wire.format import Json, WireFormat, mapping


def usage_addition(wire: WireFormat, request: Json) -> Json:
    """Ask for usage in a stream that would not report it; empty if it would, or if the request says no."""
    options = mapping(request.get("stream_options"))
    is_silent_stream = wire.usage_needs_include_usage and request.get("stream") is True
    if not is_silent_stream or "include_usage" in options:
        return {}
    return {"stream_options": {**options, "include_usage": True}}


def ask_why(request: Json, earlier_response_id: str | None) -> Json:
    """Ask why the prompt is not read from the cache; empty if the request asks already, or nothing can be compared.

    Source: openai 3.51.0, PromptCacheOptions in `types/responses/response_create_params.py` (checked
    2026-11-20).
    """
    options = mapping(request.get("prompt_cache_options"))
    if earlier_response_id is None or not earlier_response_id.startswith("resp"):
        return {}
    if "comparison_response_id" in options:
        return {}
    return {"prompt_cache_options": {**options, "comparison_response_id": earlier_response_id}}
