"""One finding about one prompt template, with its evidence and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otel_promptcache.report.places import Place
from otel_promptcache.report.rules import Cause, Rule
from otel_promptcache.report.wording import tokens, usd

_PER_REQUESTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that happens in the calls of a template, why, and what to do about it."""

    rule: Rule
    template: str | None
    """None: in several templates, or it is not known in which."""
    requests: int
    """In how many requests it shows."""
    of_requests: int
    """How many there were, without those that failed."""
    evidence: str
    """How it shows, in whole sentences."""
    lost_usd: float | None = None
    """What it cost in this run; None where that is not known."""
    lost_tokens: int | None = None
    """Tokens that were processed again, or written in vain; None where that is not known."""
    place: Place = Place.PROMPT
    reason: str | None = None
    """The miss reason behind it; None where it is made from many calls together."""
    path: str | None = None
    """Where in the request's body it shows, in most cases."""
    kind: str | None = None
    token: int | None = None
    """At about which token, in most cases."""
    source: str | None = None
    """Who says so: `provider`, `client` or `provider and client`."""

    @property
    def title(self) -> str:
        """A headline."""
        return _sentence(self.rule.title, self.place)

    @property
    def what(self) -> str:
        """What happens, in whole sentences."""
        return _sentence(self.rule.what, self.place)

    @property
    def advice(self) -> str:
        """What to change, in whole sentences."""
        return _sentence(self.rule.advice, self.place)

    @property
    def cost(self) -> str:
        """What it cost, or would save, in one sentence; empty where nothing is known."""
        if self.rule.cause is Cause.PROVIDER:
            return f"It cost this run {usd(self.lost_usd)}." if self.lost_usd else ""
        if self.lost_usd:
            per_1000 = usd(self.usd_per_1000_requests)
            return f"That saves about {per_1000} per 1,000 requests; this run lost {usd(self.lost_usd)}."
        if self.lost_tokens:
            per_1000 = tokens(self.tokens_per_1000_requests)
            lost = tokens(self.lost_tokens)
            return (
                f"That saves the price of about {per_1000} tokens per 1,000 requests; this run lost {lost}."
            )
        return ""

    @property
    def paragraph(self) -> str:
        """All of it: what happens, the evidence, what to change, what that saves."""
        return " ".join(filter(None, (self.what, self.evidence, self.advice, self.cost)))

    @property
    def usd_per_1000_requests(self) -> float | None:
        """The loss in dollars, for a thousand requests of the template."""
        return None if self.lost_usd is None else self.lost_usd / self.of_requests * _PER_REQUESTS

    @property
    def tokens_per_1000_requests(self) -> int | None:
        """The loss in tokens, for a thousand requests of the template."""
        lost = self.lost_tokens
        return None if lost is None else round(lost / self.of_requests * _PER_REQUESTS)


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by dollars lost; what has none by tokens, and then by requests."""
    return tuple(
        sorted(
            findings,
            key=lambda one: (
                -(one.lost_usd or 0.0), -(one.lost_tokens or 0), -one.requests, one.rule.id, one.template or "",
            ),
        )
    )  # fmt: skip


def _sentence(text: str, place: Place) -> str:
    return text.replace("{place}", place.value)
