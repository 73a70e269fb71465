"""What keeps the requests of a conversation together, by server: what to try if an unchanged prompt keeps missing.

Sources: the servers' documentation of prompt caching and of their routing (checked 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Mapping

_KEY = "Send one `prompt_cache_key` for each template or conversation"

_BY_DOMAIN: Mapping[str, str] = {
    "openai.com": (f"{_KEY}, and keep the requests below about 15 a minute for each key."),
    "azure.com": (f"{_KEY}, and send all requests of a conversation to one deployment in one region."),
    "x.ai": (
        "Send the header `x-grok-conv-id` with the same value for a whole conversation; on the Responses API "
        "`prompt_cache_key`."
    ),
    "fireworks.ai": (
        "Send the header `x-session-affinity`, or `prompt_cache_key`, with the same value for a whole "
        "conversation."
    ),
    "openrouter.ai": (
        "Keep one upstream provider: name it in `provider.order` and switch `allow_fallbacks` off, or send the same "
        "`session_id` for a whole conversation."
    ),
    "mistral.ai": (f"{_KEY}: it raises the chance, and is no guarantee."),
    "cerebras.ai": (f"{_KEY}."),
    "deepseek.com": (
        "Send a prefix twice before you expect a hit: a shared prefix is stored once it was seen. Only "
        "whole prefixes from the first token on match."
    ),
    "groq.com": (
        "Only some models have a prompt cache; look yours up. Keep the volatile part of the prompt at its "
        "end."
    ),
    "googleapis.com": (
        "Implicit caching makes no promise. For certain hits create a cached content and name it."
    ),
    "moonshot.ai": (
        "Ask for a longer lifetime of the cache if the model has one, and keep a conversation on one key."
    ),
}

_ELSEWHERE = (
    "Several replicas each have a cache of their own. Send all requests of a conversation to the same one: with "
    "session affinity in the load balancer, a header or key that the server routes by, or a router that knows the "
    "caches. Check that prefix caching is on (vLLM: `--enable-prefix-caching`; SGLang: without "
    "`--disable-radix-cache`)."
)


def affinity_advice(host: str | None) -> str:
    """What to try at a server, in whole sentences; for one that is not known, what helps replicas in general."""
    for domain, advice in _BY_DOMAIN.items():
        if host == domain or (host or "").endswith(f".{domain}"):
            return advice
    return _ELSEWHERE
