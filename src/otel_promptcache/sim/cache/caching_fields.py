"""Reads the request fields for caching, and rejects invalid ones the way the API does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from otel_promptcache.sim.cache.boundaries import CachingOptions, Mode
from otel_promptcache.sim.cache.policies import (
    RETENTIONS,
    TTLS,
    BlockPolicy,
    BreakpointPolicy,
    CachePolicy,
    PagePolicy,
    Retention,
    Ttl,
)
from otel_promptcache.sim.cache.prompt import Marker
from otel_promptcache.sim.http.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    unknown_parameter,
    unsupported_parameter,
)
from otel_promptcache.sim.http.wire import JsonObject, as_object, as_text

_MODES: tuple[Mode, ...] = ("implicit", "explicit")
_MARKER = "prompt_cache_breakpoint"

Surface = Literal["chat", "responses", "compact", "decisions", "completions"]


@dataclass(frozen=True, slots=True)
class _SurfaceFields:
    top_level: tuple[str, ...]
    options: tuple[str, ...]
    ttls: tuple[Ttl, ...] = ("30m",)


_ALL = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
_FIELDS: dict[Surface, _SurfaceFields] = {
    "chat": _SurfaceFields(_ALL, ("mode", "ttl")),
    "responses": _SurfaceFields(_ALL, ("mode", "ttl", "comparison_response_id", "prewarm"), TTLS),
    "compact": _SurfaceFields(_ALL, ("mode", "ttl")),
    "decisions": _SurfaceFields(_ALL[:2], ("mode", "ttl")),
    "completions": _SurfaceFields((), ()),
}
"""The caching fields that each endpoint accepts.

Source: the request types of openai-python 3.52 (checked 2026-11-20).
"""


@dataclass(frozen=True, slots=True)
class CachingFields:
    """What a request says about caching.

    Attributes:
        cache_key: `prompt_cache_key`; None if it is not set.
        options: Mode, TTL and retention.
        comparison_response_id: The response to compare with; None if no diagnostics are requested.
        prewarm: Fill the cache, generate nothing.
    """

    cache_key: str | None
    options: CachingOptions
    comparison_response_id: str | None = None
    prewarm: bool = False


def read_caching_fields(
    body: JsonObject,
    surface: Surface,
    model: str,
    policy: CachePolicy,
    *,
    reject_ttl_with_retention: bool = False,
) -> CachingFields:
    """Return what a request says about caching.

    Args:
        body: The request.
        surface: Which endpoint's fields are allowed.
        model: For the error messages.
        policy: The model's rules.
        reject_ttl_with_retention: Reject a request that sets both.

    Raises:
        ApiError: 400 for a field or value that the endpoint or the model does not support.
    """
    if isinstance(policy, PagePolicy):
        return CachingFields(None, CachingOptions())  # these servers ignore fields they do not know
    allowed = _FIELDS[surface]
    for name in body:
        if name.startswith("prompt_cache") and name not in allowed.top_level:
            raise unknown_parameter(name)

    cache_key = body.get("prompt_cache_key")
    if cache_key is not None and not isinstance(cache_key, str):
        raise invalid_type("prompt_cache_key", "a string")

    given = _read_options(body, allowed, model, policy)
    if reject_ttl_with_retention and "ttl" in given and body.get("prompt_cache_retention") is not None:
        raise ApiError(
            400,
            "'prompt_cache_options.ttl' cannot be combined with 'prompt_cache_retention'.",
            param="prompt_cache_retention",
            code="invalid_value",
        )
    comparison = given.get("comparison_response_id")
    if comparison is not None and not isinstance(comparison, str):
        raise invalid_type("prompt_cache_options.comparison_response_id", "a string")
    return CachingFields(
        cache_key=cache_key,
        options=CachingOptions(
            mode=_check(given.get("mode"), _MODES, "prompt_cache_options.mode") or "implicit",
            ttl=_check(given.get("ttl"), allowed.ttls, "prompt_cache_options.ttl") or "30m",
            retention=_read_retention(body, model, policy),
        ),
        comparison_response_id=comparison,
        prewarm=given.get("prewarm") is True,
    )


def read_marker(
    part: JsonObject, path: str, model: str, policy: CachePolicy, *, supported: bool
) -> Marker | None:
    """Return the explicit breakpoint on a content part, None if there is none.

    Args:
        part: The content part, tool or message.
        path: Where it is in the request, for the error messages.
        model: For the error messages.
        policy: The model's rules.
        supported: Whether parts of this type can carry one.

    Raises:
        ApiError: 400 for a marker that the part or the model does not support, or that is malformed.
    """
    if part.get(_MARKER) is None or isinstance(policy, PagePolicy):
        return None
    where = f"{path}.{_MARKER}"
    if not isinstance(policy, BreakpointPolicy):
        raise unsupported_parameter(where, model)
    if not supported:
        kind = part.get("type", "message")
        raise ApiError(400, f"'{_MARKER}' is not supported on '{kind}'.", param=where, code="invalid_value")
    marker = as_object(part[_MARKER])
    if marker is None:
        raise invalid_type(where, "an object")
    for name in marker:
        if name not in ("mode", "ttl"):
            raise unknown_parameter(f"{where}.{name}")
    if marker.get("mode") != "explicit":
        raise invalid_value(f"{where}.mode", marker.get("mode"), ("explicit",))
    return Marker(_check(marker.get("ttl"), TTLS, f"{where}.ttl"))


def _read_options(body: JsonObject, allowed: _SurfaceFields, model: str, policy: CachePolicy) -> JsonObject:
    if body.get("prompt_cache_options") is None:
        return {}
    if not isinstance(policy, BreakpointPolicy):
        raise unsupported_parameter("prompt_cache_options", model)
    options = as_object(body["prompt_cache_options"])
    if options is None:
        raise invalid_type("prompt_cache_options", "an object")
    for name in options:
        if name not in allowed.options:
            raise unknown_parameter(f"prompt_cache_options.{name}")
    if not isinstance(options.get("prewarm", False), bool):
        raise invalid_type("prompt_cache_options.prewarm", "a boolean")
    return options


def _read_retention(body: JsonObject, model: str, policy: CachePolicy) -> Retention | None:
    retention: Retention | None = _check(
        body.get("prompt_cache_retention"), RETENTIONS, "prompt_cache_retention"
    )
    if retention is None:
        return None
    # From gpt-5.5 on, only `24h` is supported.
    supported = tuple(policy.lifetimes) if isinstance(policy, BlockPolicy) else ("24h",)
    if retention not in supported:
        message = f"prompt_cache_retention '{retention}' is not supported with this model ({model})."
        raise ApiError(400, message, param="prompt_cache_retention", code="unsupported_value")
    return retention


def _check(value: Any, allowed: tuple[str, ...], path: str) -> Any:
    if value is not None and as_text(value) not in allowed:
        raise invalid_value(path, value, allowed)
    return value
