"""The `usage` object of the Messages API, and what the bill depends on in it."""

from __future__ import annotations

from collections.abc import Iterator

from otel_promptcache.core.money.parts import UsageInParts, usage_in_parts
from otel_promptcache.core.money.usage import InvalidUsageError, LifetimeTokens
from otel_promptcache.wire.counts import usage_object, whole_count, whole_counts
from otel_promptcache.wire.format import Json, mapping, sequence, word

MAX_ITERATIONS = 1_024
"""Iterations of one request that are read; a request with more has no price."""

_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
_LIFETIMES = {"5m": "ephemeral_5m_input_tokens", "1h": "ephemeral_1h_input_tokens"}
_BILLED_IN_TOTAL = ("message", "compaction")
"""Iterations of the model that answers. Others, such as those of an advisor, may be billed at another model's rates."""
_NO_REGION = ("global", "not_available")


def reported_message_usage(
    raw: object, *, has_output: bool = True
) -> tuple[UsageInParts | None, InvalidUsageError | None]:
    """The usage that a message reports, or what is impossible about it; neither if there is none.

    Args:
        raw: The message's `usage`.
        has_output: The output is counted; the start of a stream has a placeholder for it.
    """
    if raw is None:
        return None, None
    try:
        return _read(raw, has_output=has_output), None
    except InvalidUsageError as error:
        return None, error


def billing(usage: Json) -> str | None:
    """What makes the bill differ from the standard prices, as one name; None if nothing reported does.

    Source: anthropic 2.14.0, `types/beta/beta_usage.py` and `types/beta/beta_iterations_usage.py`; Anthropic,
    pricing, fast mode, batches, data residency (checked 2026-11-25).
    """
    tier, speed, region = usage.get("service_tier"), usage.get("speed"), usage.get("inference_geo")
    names: list[str] = []
    if tier is not None and tier != "standard":
        names.append(word(tier) or "unknown")
    if speed is not None and speed != "standard":
        names.append(word(speed) or "unknown")
    if region is not None and region not in _NO_REGION:
        names.append(word(region) or "unknown")
    if usage.get("fallback_credit") is not None:
        names.append("fallback_credit")
    iterations = usage.get("iterations")
    if iterations and not _is_of_one_model(iterations):
        names.append("other_models")
    return "+".join(names) or None


def _read(raw: object, *, has_output: bool) -> UsageInParts:
    usage = usage_object(raw, "usage")
    written = usage_object(usage.get("cache_creation"), "cache_creation")
    details = usage_object(usage.get("output_tokens_details"), "output_tokens_details")
    uncached, read, write, output = whole_counts(usage, _COUNTS)
    iterations, tools = usage.get("iterations"), usage.get("server_tool_use")
    return usage_in_parts(
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_tokens=write,
        written_by_lifetime=_by_lifetime(written) if written else None,
        output_tokens=output if has_output else None,
        reasoning_tokens=whole_count(details.get("thinking_tokens")) if has_output and details else None,
        compactions=tuple(_compactions(iterations)) or None if iterations else None,
        has_further_readings=bool(iterations or tools) and _has_further_readings(iterations, tools),
    )


def _has_further_readings(iterations: object, tools: object) -> bool:
    """Whether the prompt was processed again after a server tool's result, or after a compaction.

    Source: anthropic 2.14.0, `types/server_tool_usage.py` and `types/beta/beta_iterations_usage.py`
    (checked 2026-11-26).
    """
    return len(sequence(iterations)) > 1 or any(
        type(count) is int and count > 0 for count in mapping(tools).values()
    )


def _by_lifetime(written: Json) -> LifetimeTokens | None:
    counts = zip(_LIFETIMES, whole_counts(written, _LIFETIMES.values()), strict=True)
    return tuple([(lifetime, count) for lifetime, count in counts if count is not None]) or None


def _compactions(iterations: object) -> Iterator[UsageInParts]:
    """The iterations that are billed in addition to the counts at the top level."""
    for raw in sequence(iterations)[:MAX_ITERATIONS]:
        if mapping(raw).get("type") == "compaction":
            yield _read({**mapping(raw), "iterations": None}, has_output=True)


def _is_of_one_model(iterations: object) -> bool:
    listed = sequence(iterations)
    is_read = 0 < len(listed) <= MAX_ITERATIONS
    return is_read and all(mapping(each).get("type") in _BILLED_IN_TOTAL for each in listed)
