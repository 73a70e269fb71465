"""What keeps the requests of a conversation together, by server: what to try if an unchanged prompt keeps missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from otel_promptcache.providers.openai import OPENAI
from otel_promptcache.providers.profile import AffinityHint, Profile
from otel_promptcache.providers.profiles import known_provider, profile_named

_CACHE_KEY = "prompt_cache_key"

_REPLICAS = (
    "Several replicas each have a cache of their own. Send all requests of a conversation to the same one: with "
    "session affinity in the load balancer, a header or key that the server routes by, or a router that knows the "
    "caches. Check that prefix caching is on (vLLM: `--enable-prefix-caching`; SGLang: without "
    "`--disable-radix-cache`)."
)
_NO_HINT = (
    "Its documentation names nothing that keeps the requests of a conversation on one machine. Keep what is stable at "
    "the start of the prompt, and send requests that share it close together."
)
_NOBODY = Profile(name="", source="")


@dataclass(frozen=True, slots=True)
class Server:
    """Who answered the calls that a finding is about, in most cases; None where it is not known."""

    provider: str | None = None
    """`gen_ai.provider.name`."""
    host: str | None = None
    format: str | None = None
    """The format of the requests: `openai.api.type`, on each of which some servers take another hint, or `messages`."""

    @property
    def takes_cache_key(self) -> bool:
        """Whether `prompt_cache_key` means something there."""
        return any(hint.name == _CACHE_KEY for hint in self._hints(self._asked))

    @property
    def wording(self) -> Mapping[str, str]:
        """What the texts of the rules say about this server, by the name of the place."""
        spread, shared_key, split_key = "Send fewer requests a minute that start alike.", "", ""
        if self.takes_cache_key:
            spread = f"Spread the requests over a few values of `{_CACHE_KEY}`, so that each stays below that rate."
            shared_key = f"one `{_CACHE_KEY}` for all of them, "
            limits = [each.max_requests_per_minute for each in self._asked.policies]
            if limit := next(filter(None, limits), None):
                split_key = f" Only above about {limit:g} requests a minute is it worth splitting a key."
        return {
            "affinity": self._advice,
            "spread": spread,
            "shared_key": shared_key,
            "split_key": split_key,
        }

    @property
    def _known(self) -> Profile | None:
        return profile_named(self.provider) or profile_named(known_provider(self.host or ""))

    @property
    def _asked(self) -> Profile:
        """Whose documentation is gone by; OpenAI's if nothing at all is known of the server."""
        if self.provider is None and self.host is None:
            return OPENAI
        return self._known or _NOBODY

    def _hints(self, profile: Profile) -> list[AffinityHint]:
        """Those of the API that the calls use; all if that is not known."""
        return [
            each for each in profile.affinity if each.api_type in (None, self.format) or self.format is None
        ]

    @property
    def _advice(self) -> str:
        """What to try, in whole sentences; for a server that is not known, what helps replicas in general."""
        profile = self._known
        if profile is None or profile.is_self_hosted:
            return _REPLICAS
        named = " or ".join(
            f"the header `{each.name}`" if each.is_header else f"`{each.name}`"
            for each in self._hints(profile)
        )
        hint = f"Send {named} with the same value for a whole conversation." if named else ""
        return " ".join(filter(None, (hint, profile.advice))) or _NO_HINT
