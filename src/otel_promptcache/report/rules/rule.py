"""One kind of finding: what it means, what to do about it, and which misses it covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from otel_promptcache.report.rules.places import Place
from otel_promptcache.report.rules.snippets import Snippet


class Cause(Enum):
    """Who or what causes it."""

    APPLICATION = "what the application sends"
    TRAFFIC = "when and how often the application sends requests"
    PROVIDER = "the provider"
    NOBODY = "how prompt caching works"
    MEASUREMENT = "limits of the measurement"


class Situation(Enum):
    """What distinguishes misses of one kind, if the same advice does not help all of them."""

    HISTORY_GREW = "the prompts only grew"
    MESSAGE_ENDS = "what they share ends with a message"
    INSIDE_A_MESSAGE = "they diverge inside a message"
    PERSISTENT = "it happens again and again"
    OTHER_TEMPLATE = "another template shares the text"


@dataclass(frozen=True, slots=True)
class Variant:
    """What is said instead in one situation."""

    title: str
    what: str
    advice: str
    cause: Cause | None = None
    """None for the rule's own cause."""
    snippet: Snippet | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding, for all templates that show it.

    The texts may contain `{place}`, the part of the prompt where requests diverge, `{path}`, that place in the
    request's body, `{message}`, the message at whose end a breakpoint belongs, and the names in `Server.wording`,
    for what depends on the server.
    """

    id: str
    """Stable: it is in the JSON, and the anchor in the documentation."""
    title: str
    what: str
    """What happens, in whole sentences."""
    advice: str
    """What to change, in whole sentences."""
    cause: Cause = Cause.APPLICATION
    reasons: frozenset[str] = frozenset()
    """Values of `promptcache.miss.reason`; empty for a finding that is derived from many calls together."""
    places: frozenset[Place] | None = None
    """None for any place."""
    kinds: frozenset[str | None] | None = None
    """Values of `promptcache.divergence.kind`, with None for an absent one; None as a whole for any kind."""
    snippet: Snippet | None = None
    """The lines to write."""
    variants: Mapping[Situation, Variant] = field(default_factory=dict[Situation, Variant])
    settings: Mapping[str, Variant] = field(default_factory=dict[str, Variant])
    """What is said about a setting, by its name in the request; each has a finding of its own."""

    def covers(self, reason: str, place: Place, kind: str | None) -> bool:
        """Tell whether a miss is of this kind."""
        return (
            reason in self.reasons
            and (self.places is None or place in self.places)
            and (self.kinds is None or kind in self.kinds)
        )


def first_rule(rules: Sequence[Rule], reason: str, place: Place, kind: str | None) -> Rule | None:
    """Find the first rule that covers a miss; None if there is none."""
    return next((rule for rule in rules if rule.covers(reason, place, kind)), None)
