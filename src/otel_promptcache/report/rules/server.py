"""Who answered, and what to advise there: nothing is named that the server lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.openai import OPENAI
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.providers.profile import AffinityHint, Profile
from otel_promptcache.providers.profiles import known_provider, profile_named
from otel_promptcache.report.reading.record import MESSAGES
from otel_promptcache.report.rules.affinity import affinity_advice
from otel_promptcache.report.rules.lifetimes import LongerLifetime, longer_lifetime
from otel_promptcache.report.rules.phrases import PHRASES, Api, phrase
from otel_promptcache.report.rules.snippets import LONGER_LIFETIME, Needs, Snippet

_CACHE_KEY = "prompt_cache_key"
_NOBODY = Profile(name="", source="")


@dataclass(frozen=True, slots=True)
class Server:
    """Who answered the calls that a finding is about, in most cases; None if it is not known."""

    provider: str | None = None
    """`gen_ai.provider.name`."""
    host: str | None = None
    format: str | None = None
    """The format of the requests, `openai.api.type` or `messages`; some servers take different hints in each."""
    model: str | None = None

    @property
    def api(self) -> Api:
        """Whose API was used."""
        is_messages = self.format == MESSAGES
        if self.policy.is_opt_in:
            if is_messages or self.format is None:
                return Api.CLAUDE
            return Api.UNCACHED_CHAT if self._asked.has_no_cache_for_chats else Api.CLAUDE_CHAT
        if is_messages:
            return Api.MESSAGES
        return Api.OPENAI if self._asked.takes_openai_options else Api.OTHER

    @property
    def longer_lifetime(self) -> LongerLifetime | None:
        """The longer lifetime that the model offers; None if it has none, or none is known."""
        return longer_lifetime(self.policy) if self.api is Api.OPENAI else None

    def lines(self, snippet: Snippet | None) -> str | None:
        """The lines of a snippet for the API that was used; None if there are none."""
        if snippet is LONGER_LIFETIME:
            longer = self.longer_lifetime
            snippet = longer and longer.snippet
        while snippet is not None and snippet.needs is not None and snippet.needs not in self._has:
            snippet = snippet.elsewhere
        return (snippet and snippet.for_format(self.format)) or None

    @property
    def wording(self) -> Mapping[str, str]:
        """What the texts of the rules say about this server, by the name of the placeholder."""
        names = {name: words for name in PHRASES if (words := phrase(name, self.api)) is not None}
        longer = self.longer_lifetime
        return {
            "report_cached": self._reporting,
            "affinity": affinity_advice(self._known, self._hints(self._known or _NOBODY)),
            "longer": f"{longer.advice} Or send" if longer else "Send",
            "routing": f" {routing}" if (routing := (self._known or _NOBODY).routing_advice) else "",
            "minimum": self._minimum,
            "rate": self._rate or "a certain number of requests a minute",
            **self._of_cache_key,
            **names,
        }

    @property
    def _of_cache_key(self) -> Mapping[str, str]:
        if Needs.CACHE_KEY not in self._has:
            spread = "Send fewer requests with the same start per minute."
            return {"spread": spread, "shared_key": "", "split_key": "", "and_key": ""}
        split = (
            f" If together they exceed {self._rate}, spread them over as few keys as that rate requires."
            if self._rate
            else ""
        )
        return {
            "spread": f"Spread the requests over a few values of `{_CACHE_KEY}`, so that each stays below that rate.",
            "shared_key": f"one `{_CACHE_KEY}` for all of them, ",
            "split_key": split,
            "and_key": " and key",
        }

    @property
    def _rate(self) -> str:
        """How many requests one machine takes; empty if that is not documented."""
        limits = (
            self.policy.max_requests_per_minute,
            *(each.max_requests_per_minute for each in self._asked.policies),
        )
        limit = next(filter(None, limits), None)
        return f"about {limit:g} requests a minute" if limit else ""

    @property
    def _minimum(self) -> str:
        tokens = self.policy.minimum_tokens
        return (
            f"This model's prompts are cached only if they have at least {tokens:,} tokens."
            if tokens
            else ("Providers cache only prompts of a minimum length, such as 1,024 tokens.")
        )

    @property
    def _reporting(self) -> str:
        profile = self._known
        if profile is None:
            return (
                "Look for a setting of the server or the gateway: vLLM reports them with "
                "`--enable-prompt-tokens-details`, SGLang with `--enable-cache-report`. Some servers report them only "
                "if there are any."
            )
        if profile.reports_with:
            return f"Start the server with `{profile.reports_with}`. It may still report them only if there are any."
        return "Check whether the model has a prompt cache. Some servers report cached tokens only if there are any."

    @property
    def _has(self) -> frozenset[Needs]:
        takes_key = any(hint.name == _CACHE_KEY for hint in self._hints(self._asked))
        has = {
            Needs.CACHE_KEY: takes_key,
            Needs.OPENAI: self.api is Api.OPENAI,
            Needs.MARKERS: self.api in (Api.CLAUDE, Api.CLAUDE_CHAT),
        }
        return frozenset(need for need, is_there in has.items() if is_there)

    @property
    def _known(self) -> Profile | None:
        return profile_named(self.provider) or profile_named(known_provider(self.host or ""))

    @property
    def _asked(self) -> Profile:
        """The server whose documentation applies; OpenAI's if nothing at all is known about it."""
        if self.provider is None and self.host is None:
            return OPENAI
        return self._known or _NOBODY

    @property
    def policy(self) -> CachePolicy:
        """The rules of the model's cache."""
        return policy_for(self._asked.name, self.model or "")

    def _hints(self, profile: Profile) -> list[AffinityHint]:
        """The hints for the API that the calls use; all if that is not known."""
        return [
            each for each in profile.affinity if each.api_type in (None, self.format) or self.format is None
        ]
