"""Usage, as each kind of server reports it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from otel_promptcache.sim.cache.cache import CacheRead
from otel_promptcache.sim.cache.policies import BreakpointPolicy
from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.wire import JsonObject, as_object
from otel_promptcache.sim.servers.reporting import UsageShape


def chat_usage(read: CacheRead, output_tokens: int, reasoning_tokens: int, shape: UsageShape) -> JsonObject:
    """Return the usage of a chat or legacy completion.

    Args:
        read: The cache read.
        output_tokens: Output tokens of all choices together, reasoning included.
        reasoning_tokens: How many of them are hidden reasoning.
        shape: How cached tokens are reported.
    """
    # Assumption: models without a write charge leave the count out here. The type allows both.
    writes = {"cache_write_tokens": read.write_tokens} if isinstance(read.policy, BreakpointPolicy) else {}
    usage: JsonObject = {
        "prompt_tokens": read.input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": read.input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": read.cached_tokens, "audio_tokens": 0, **writes},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    return _shaped(usage, "prompt_tokens_details", read, shape)


def responses_usage(
    read: CacheRead, output_tokens: int, reasoning_tokens: int, shape: UsageShape
) -> JsonObject:
    """Return the usage of a response; the arguments are those of `chat_usage`."""
    details: JsonObject = {"cached_tokens": read.cached_tokens, "cache_write_tokens": read.write_tokens}
    if isinstance(read.policy, BreakpointPolicy):
        details["cache_write_tokens_details"] = {
            f"ttl_{ttl}_tokens": tokens for ttl, tokens in read.write_tokens_by_ttl.items()
        }
    usage: JsonObject = {
        "input_tokens": read.input_tokens,
        "input_tokens_details": details,
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": read.input_tokens + output_tokens,
    }
    return _shaped(usage, "input_tokens_details", read, shape)


def spoil(usage: JsonObject, faults: Collection[Fault]) -> Any:
    """Return the usage as a faulty server would send it; None if it sends none."""
    if "usage_missing" in faults:
        return None
    if "usage_text" in faults:
        return "n/a"
    if "usage_negative" in faults:
        return {name: -abs(value) - 1 if isinstance(value, int) else value for name, value in usage.items()}
    if "usage_cached_exceeds_input" in faults:
        name = "prompt_tokens" if "prompt_tokens" in usage else "input_tokens"
        details = as_object(usage.get(f"{name}_details")) or {}
        return {**usage, f"{name}_details": {**details, "cached_tokens": usage[name] + 1000}}
    return usage


def _shaped(usage: JsonObject, details_name: str, read: CacheRead, shape: UsageShape) -> JsonObject:
    shaped = dict(usage)
    details = shape.on_hit if read.cached_tokens else shape.on_miss
    if details == "null":
        shaped[details_name] = None
    elif details == "absent":
        del shaped[details_name]
    elif shape.members is not None:
        counts = {"cached_tokens": read.cached_tokens, "created_cache_tokens": read.write_tokens}
        shaped[details_name] = {name: counts[name] for name in shape.members}
    if shape.has_hit_and_miss:
        shaped["prompt_cache_hit_tokens"] = read.cached_tokens
        shaped["prompt_cache_miss_tokens"] = read.uncached_tokens
    return shaped
