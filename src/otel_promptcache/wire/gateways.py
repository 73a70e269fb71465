"""What a gateway between the application and the provider says in the headers of an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_MAX_HEADER_CHARS = 256
_MAX_USD = 10**6

_HIT = re.compile(r"hit\b", re.IGNORECASE)
_CACHE_HEADERS = (
    ("x-openrouter-cache-status", _HIT),
    ("helicone-cache", _HIT),
    ("x-portkey-cache-status", re.compile(r"(?:semantic )?hit\b", re.IGNORECASE)),
    ("cf-aig-cache-status", _HIT),
    ("x-ai-cache-status", _HIT),
    ("cache-status", re.compile(r".*;\s*hit\b", re.IGNORECASE)),
)
"""Headers by which a gateway says that an answer comes from a cache of its own.

A CDN's `X-Cache` alone says nothing about an answer to a POST.

Sources: OpenRouter, response caching; Helicone, caching; Portkey, response headers; Cloudflare AI Gateway, caching;
APISIX, ai-cache; RFC 9211 (checked 2026-11-25).
"""

_LITELLM_KEY, _LITELLM_COST = "x-litellm-cache-key", "x-litellm-response-cost"
_KONG_STATUS, _KONG_KEY = "x-cache-status", "x-cache-key"
_PRISM_SAVED = "x-prism-native-cache-saved-cents"


class GatewayAnswer(NamedTuple):
    """What a gateway says of an answer."""

    is_from_own_cache: bool = False
    """The provider was not asked."""
    cost_usd: float | None = None
    saved_usd: float | None = None


NO_GATEWAY = GatewayAnswer()
"""No gateway says anything, as a rule."""
_READ = frozenset(
    name.encode()
    for name in (*dict(_CACHE_HEADERS), _LITELLM_KEY, _LITELLM_COST, _KONG_STATUS, _KONG_KEY, _PRISM_SAVED)
)


def read_gateway(pairs: Iterable[tuple[bytes, bytes]]) -> GatewayAnswer:
    """Read what a gateway says, if there is one.

    Args:
        pairs: The headers of the answer. As pairs of bytes, because a look-up by name goes through all of them.
    """
    headers: dict[str, str] = {}
    for key, value in pairs:
        name = key.lower()
        if name in _READ:
            headers[name.decode()] = value[:_MAX_HEADER_CHARS].decode("latin-1")
    if not headers:
        return NO_GATEWAY
    cost_usd, saved_cents = _amount(headers.get(_LITELLM_COST)), _amount(headers.get(_PRISM_SAVED))
    is_hit = _is_from_own_cache(headers, has_cost=cost_usd is not None)
    return GatewayAnswer(is_hit, cost_usd, None if saved_cents is None else saved_cents / 100)


def _is_from_own_cache(headers: Mapping[str, str], *, has_cost: bool) -> bool:
    if headers.get(_LITELLM_KEY) and not has_cost:
        return True
    if headers.get(_KONG_KEY) and _HIT.match(headers.get(_KONG_STATUS, "")):
        return True
    for name, pattern in _CACHE_HEADERS:
        value = headers.get(name)
        if value and pattern.match(value):
            return True
    return False


def _amount(text: str | None) -> float | None:
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        return None
    return amount if math.isfinite(amount) and 0 <= amount <= _MAX_USD else None
