"""How to keep the requests of a conversation together: what to try if an unchanged prompt keeps missing."""

from __future__ import annotations

from collections.abc import Sequence

from otel_promptcache.providers.profile import AffinityHint, Profile

_REPLICAS = (
    "Each replica has its own cache. Send all requests of a conversation to the same one: with session affinity "
    "in the load balancer, a header or key that the server routes by, or a router that knows the caches. Check "
    "that prefix caching is on (vLLM: `--enable-prefix-caching`; SGLang: without `--disable-radix-cache`)."
)
_NO_HINT = (
    "The provider documents no way to keep the requests of a conversation on one machine. Keep what is stable at "
    "the start of the prompt, and send requests that share it close together."
)


def affinity_advice(profile: Profile | None, hints: Sequence[AffinityHint]) -> str:
    """What to try, in whole sentences; for an unknown server, what helps replicas in general.

    Args:
        profile: The server; None if it is not known.
        hints: Its hints that the API used by the calls takes.
    """
    if profile is None or profile.is_self_hosted:
        return _REPLICAS
    named = " or ".join(f"the header `{each.name}`" if each.is_header else f"`{each.name}`" for each in hints)
    hint = f"Send {named} with the same value for a whole conversation." if named else ""
    return " ".join(filter(None, (hint, profile.advice))) or _NO_HINT
