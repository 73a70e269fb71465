"""One finding about one prompt template, with its evidence and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.wording import code, counted, tokens, usd
from otel_promptcache.report.rules.places import Place
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, Variant
from otel_promptcache.report.rules.server import Server

_PER_REQUESTS = 1_000
_FEW_REQUESTS = 20
"""With fewer requests, nothing is said about a thousand: one request more or less would change it by over 5%."""
_NOBODY = Server()
"""It is not known who answered."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that happens in the calls of a template, why, and what to do about it."""

    rule: Rule
    template: str | None
    """None if it is in several templates, or it is not known in which."""
    requests: int
    """How many requests show it."""
    of_requests: int
    """How many requests there were, without failed ones."""
    evidence: str
    """How it shows, in whole sentences."""
    lost_usd: float | None = None
    """What it cost in this run; None if that is not known."""
    lost_tokens: int | None = None
    """Tokens that were processed again, or written and never read; None if that is not known."""
    place: Place = Place.PROMPT
    reason: str | None = None
    """The miss reason behind it; None if it is derived from many calls together."""
    path: str | None = None
    """Where in the request's body it shows, in most cases."""
    kind: str | None = None
    token: int | None = None
    """At about which token, in most cases."""
    source: str | None = None
    """Who says so: `provider`, `client` or `provider and client`."""
    situation: Situation | None = None
    """Which of the rule's variants it is; None for the rule itself."""
    message: str | None = None
    """The message at whose end a breakpoint belongs, in most cases."""
    server: Server = _NOBODY
    """Who answered, in most cases, and in which format; it decides which snippet is shown."""
    places: int = 1
    """In how many places the prompts differ, in most cases."""
    is_one_off: bool = False
    """It happened once or a few times, as with deployments, and the prompt has been stable since."""

    @property
    def variant(self) -> Variant | None:
        """What is said instead of the rule's own words; None if those apply."""
        setting = self.rule.settings.get(self.path or "")
        return setting or (self.rule.variants.get(self.situation) if self.situation else None)

    @property
    def cause(self) -> Cause:
        """Who causes it."""
        return (self.variant and self.variant.cause) or self.rule.cause

    @property
    def title(self) -> str:
        """A headline."""
        return self._filled((self.variant or self.rule).title)

    @property
    def what(self) -> str:
        """What happens, in whole sentences."""
        return self._filled((self.variant or self.rule).what)

    @property
    def advice(self) -> str:
        """What to change, in whole sentences."""
        advice = self._filled((self.variant or self.rule).advice)
        if self.is_one_off:
            return (
                "If the change was intended, there is nothing to do: each change of a prompt costs this once. "
                f"Otherwise: {advice}"
            )
        if (
            self.places > 1 and self.reason != MissReason.NO_MATCHING_BREAKPOINT
        ):  # one marker is enough for all
            return f"{advice} Do so for all {self.places} places: fixing only the first one gains nothing."
        return advice

    @property
    def snippet(self) -> str | None:
        """The lines to write, for the API that the calls use; None if there are none."""
        return self.server.lines((self.variant or self.rule).snippet)

    @property
    def cost(self) -> str:
        """What it cost, or what fixing it would save, in one sentence; empty if nothing is known."""
        if self.cause is Cause.PROVIDER or self.is_one_off:
            return f"This cost the run {usd(self.lost_usd)}." if self.lost_usd else ""
        if self.of_requests < _FEW_REQUESTS:
            return f"This run lost {self._lost}." if self._lost else ""
        if self.lost_usd:
            per_1000 = usd(self.usd_per_1000_requests)
            return f"That saves about {per_1000} per 1,000 requests; this run lost {self._lost}."
        if self.lost_tokens:
            per_1000 = tokens(self.tokens_per_1000_requests)
            return f"That saves the price of about {per_1000} tokens per 1,000 requests; this run lost {self._lost}."
        return ""

    @property
    def paragraph(self) -> str:
        """Everything: what happens, the evidence, what to change, what that saves."""
        return " ".join(filter(None, (self.what, self.evidence, self.advice, self.cost)))

    @property
    def usd_per_1000_requests(self) -> float | None:
        """The loss in dollars per thousand requests of the template; None if it is not known, or for a one-off."""
        if self.lost_usd is None or self.is_one_off:
            return None
        return self.lost_usd / self.of_requests * _PER_REQUESTS

    @property
    def tokens_per_1000_requests(self) -> int | None:
        """The loss in tokens per thousand requests of the template; None if it is not known, or for a one-off."""
        lost = self.lost_tokens
        return None if lost is None or self.is_one_off else round(lost / self.of_requests * _PER_REQUESTS)

    @property
    def _lost(self) -> str:
        """What this run lost, with its unit; empty if nothing is known."""
        if self.lost_usd:
            return usd(self.lost_usd)
        return counted(self.lost_tokens, "token") if self.lost_tokens else ""

    def _filled(self, text: str) -> str:
        path = code(self.path) if self.path else self.place.value
        message = code(self.message) if self.message else "the last message that they share"
        text = text.replace("`{path}`", path).replace("`{message}`", message)
        for name, words in self.server.wording.items():
            text = text.replace(f"{{{name}}}", words)
        return text.replace("{place}", self.place.value)


def server_of(calls: Sequence[CallRecord]) -> Server:
    """Who answered most of these calls; there must be at least one."""
    return Server(
        provider=most_common(call.provider for call in calls),
        host=most_common(call.host for call in calls),
        format=most_common(call.format for call in calls),
        model=most_common(call.model for call in calls),
    )


def most_common(values: Iterable[_T]) -> _T:
    """The most common value; there must be at least one."""
    return Counter(values).most_common(1)[0][0]


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by dollars lost, then by tokens lost, then by requests. One-offs come last."""
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                one.is_one_off, -(one.lost_usd or 0.0), -(one.lost_tokens or 0), -one.requests, one.rule.id,
                one.template or "",
            ),
        )
    )  # fmt: skip
