"""What a gateway between the application and the provider says in the headers of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from otel_promptcache.wire.format import Json

_MAX_HEADER_BYTES = 1_024
"""A longer value is ignored: cut off, it might say something else."""
_MAX_USD = 10**6

_HIT = re.compile(r"hit", re.IGNORECASE)
_KONG_STATUS, _KONG_KEY = "x-cache-status", "x-cache-key"
_CACHE_HEADERS = {
    "x-litellm-cache-key": re.compile(r".+"),
    "x-openrouter-cache-status": _HIT,
    "helicone-cache": _HIT,
    "x-portkey-cache-status": re.compile(r"(?:semantic )?hit", re.IGNORECASE),
    "cf-aig-cache-status": _HIT,
    "x-ai-cache-status": re.compile(r"hit(?:-l[0-9])?", re.IGNORECASE),
    _KONG_STATUS: _HIT,  # only together with `X-Cache-Key`
}
"""Headers by which a gateway says that an answer comes from its own cache, and what each then says.

LiteLLM sends its key only with a hit. Most versions also state a cost: zero, or the cost of the answer that they
repeat. A CDN's `X-Cache` alone says nothing about an answer to a POST.

Sources: LiteLLM 1.53 to 1.110, `caching/caching_handler.py`, 1.106.12 and 1.110.2 also tried; OpenRouter, response
caching; Helicone, caching; Portkey, response headers; Cloudflare AI Gateway, caching; APISIX, ai-cache; Kong,
proxy-cache (checked 2026-11-25).
"""
_CACHE_STATUS = "cache-status"
_LITELLM_COST, _PRISM_SAVED = "x-litellm-response-cost", "x-prism-native-cache-saved-cents"

_PASSED_ON = "llm_provider-"
"""LiteLLM's prefix for the headers of the server that it called, which may be a gateway, too."""
_NAMES = {
    name.encode(): name for name in (*_CACHE_HEADERS, _KONG_KEY, _CACHE_STATUS, _LITELLM_COST, _PRISM_SAVED)
} | {f"{_PASSED_ON}{name}".encode(): name for name in (*_CACHE_HEADERS, _KONG_KEY, _CACHE_STATUS)}

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')
"""A quoted string, up to its closing quote or, if it has none, to the end of the header."""
_TRUE = "?1"
"""The implied value of a parameter that has none."""
_AMOUNT = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,40})?(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)


class GatewayAnswer(NamedTuple):
    """What a gateway says about an answer."""

    is_from_own_cache: bool = False
    """The provider was not asked."""
    cost_usd: float | None = None
    saved_usd: float | None = None


NO_GATEWAY = GatewayAnswer()
"""The usual case: no gateway says anything."""


def read_gateway(pairs: Iterable[tuple[bytes, bytes]]) -> GatewayAnswer:
    """Read what a gateway says, if there is one.

    With one gateway behind another, a header may come more than once: the provider was not asked if any of them
    answered from its cache. An amount that is stated twice with different values is unknown.

    Args:
        pairs: The headers of the answer, as pairs of bytes, because a lookup by name would scan all of them.
    """
    said: list[tuple[str, str]] = []
    for key, value in pairs:
        name = _NAMES.get(key.lower())
        if name is not None and len(value) <= _MAX_HEADER_BYTES:
            said.append((name, value.decode("latin-1")))
    if not said:
        return NO_GATEWAY
    saved_cents = _amount(said, _PRISM_SAVED)
    return GatewayAnswer(
        _is_from_own_cache(said),
        _amount(said, _LITELLM_COST),
        None if saved_cents is None else saved_cents / 100,
    )


def _is_from_own_cache(said: list[tuple[str, str]]) -> bool:
    has_kong_key = any(name == _KONG_KEY and value for name, value in said)
    for name, value in said:
        if name == _CACHE_STATUS:
            if _is_hit_by_rfc_9211(value):
                return True
        elif (pattern := _CACHE_HEADERS.get(name)) and (name != _KONG_STATUS or has_kong_key):
            words = (word.partition(";")[0].strip() for word in value.split(","))
            if any(pattern.fullmatch(word) for word in words):
                return True
    return False


def _is_hit_by_rfc_9211(value: str) -> bool:
    """Whether one of the caches in a `Cache-Status` has answered: its `hit` is true, and it did not forward.

    Source: RFC 9211, section 2; RFC 9651, lists and parameters (checked 2026-11-25).
    """
    for member in _QUOTED.sub("text", value).split(","):
        cache, *parameters = (part.strip() for part in member.split(";"))
        values = dict(_parameter(parameter) for parameter in parameters)
        if cache and values.get("hit") == _TRUE and "fwd" not in values:
            return True
    return False


def _parameter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    return name, value if sign else _TRUE


def _amount(said: list[tuple[str, str]], wanted: str) -> float | None:
    texts = {value.strip() for name, value in said if name == wanted}
    if len(texts) != 1 or not _AMOUNT.fullmatch(text := texts.pop()):
        return None
    amount = float(text)
    return amount if amount <= _MAX_USD else None


def stated_cost(usage: Json) -> float | None:
    """The cost of a request in USD, as a router such as OpenRouter states it in its usage; None if it states none."""
    cost: Any = usage.get("cost")
    if type(cost) not in (int, float) or not 0 <= cost <= _MAX_USD:  # infinity and NaN are out, too
        return None
    return float(cost)
