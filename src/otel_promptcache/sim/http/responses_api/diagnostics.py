"""Why a request read less than an earlier response would have allowed: `prompt_cache_diagnostics`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from otel_promptcache.sim.cache.cache import CacheRead, CacheScope
from otel_promptcache.sim.cache.prompt import Prompt, Settings, TokenStream
from otel_promptcache.sim.http.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a response for later ones to be compared against.

    Attributes:
        scope: Whose cache it used.
        settings: The settings in its prompt.
        tools_digest: Digest of its tools.
        compactions: The compaction items in its conversation.
        reusable_tokens: Visible tokens that can be reused after it: cached plus written.
        reusable_position: Where they end in the token stream; None if there are none.
        prefix_digest: Digest of the stream up to there.
        created_seconds: When the response was made.
    """

    scope: CacheScope
    settings: Settings
    tools_digest: bytes
    compactions: tuple[str, ...]
    reusable_tokens: int
    reusable_position: int | None
    prefix_digest: bytes | None
    created_seconds: float


def take_fingerprint(
    scope: CacheScope,
    prompt: Prompt,
    stream: TokenStream,
    read: CacheRead,
    compactions: tuple[str, ...],
    now_seconds: float,
) -> Fingerprint:
    """Return what must be kept of a response: digests, not the prompt."""
    position = read.reusable_position
    tools = "\0".join(prompt.tools).encode("utf-8", "surrogatepass")
    return Fingerprint(
        scope=scope,
        settings=prompt.settings,
        tools_digest=hashlib.blake2b(tools, digest_size=16).digest(),
        compactions=compactions,
        reusable_tokens=read.cached_tokens + read.write_tokens,
        reusable_position=position,
        prefix_digest=None if position is None else stream.digest(position),
        created_seconds=now_seconds,
    )


def diagnose(
    earlier: Fingerprint | None, current: Fingerprint, stream: TokenStream, cached_tokens: int
) -> JsonObject:
    """Compare a request with an earlier response and return `prompt_cache_diagnostics`.

    A miss names the first category that differs, in the order of the provider's guide. It is an assumption that
    the provider checks them in this order. The provider lists no reason for a miss that no change in the request
    explains, such as an expired or evicted entry, so the result is `unavailable`.

    Args:
        earlier: The response to compare with; None if it is unknown or no longer kept.
        current: The request's own fingerprint.
        stream: The request's prompt.
        cached_tokens: How many tokens it read from the cache.
    """
    if earlier is None:
        return {"type": "comparison_response_not_found"}
    if earlier.reusable_position is None or earlier.reusable_tokens == 0:
        return {"type": "unavailable"}
    if cached_tokens >= earlier.reusable_tokens:
        return {"type": "cache_hit"}
    reason = _first_difference(earlier, current, stream)
    if reason is None:
        return {"type": "unavailable"}
    return {
        "type": "cache_miss",
        "reason": reason,
        "cache_missed_tokens": earlier.reusable_tokens - cached_tokens,
        "comparison_reusable_tokens": earlier.reusable_tokens,
    }


def _first_difference(earlier: Fingerprint, current: Fingerprint, stream: TokenStream) -> str | None:
    before, now = earlier.settings, current.settings
    tools_before = (earlier.tools_digest, before.parallel_tool_calls)
    tools_now = (current.tools_digest, now.parallel_tool_calls)
    position = earlier.reusable_position
    prefix_now = None if position is None else stream.digest(position)
    differences = {
        "model_changed": earlier.scope.model != current.scope.model,
        "prompt_cache_key_changed": earlier.scope.cache_key != current.scope.cache_key,
        "service_tier_changed": earlier.scope.service_tier != current.scope.service_tier,
        "tools_changed": tools_before != tools_now,
        "text_format_changed": before.text_format != now.text_format,
        "reasoning_effort_changed": before.effort != now.effort,
        "verbosity_changed": before.verbosity != now.verbosity,
        "context_compacted": not set(current.compactions) <= set(earlier.compactions),
        "input_changed": earlier.prefix_digest != prefix_now,
    }
    return next((reason for reason, differs in differences.items() if differs), None)
