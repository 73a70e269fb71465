"""The table of findings: what each means and what to do about it. Which one a miss belongs to is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from otel_promptcache.report.places import Place


class Cause(Enum):
    """Whose doing it is."""

    APPLICATION = "what the application sends"
    TRAFFIC = "when and how often it sends"
    PROVIDER = "the provider"
    NOBODY = "nobody: this is how prompt caching works"
    MEASUREMENT = "what could be measured"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding, for all templates that show it.

    `title` and `what` may name `{place}`, the part of the prompt where requests part.
    """

    id: str
    """Stable: in JSON, and the anchor in the documentation."""
    title: str
    what: str
    """What happens, in whole sentences."""
    advice: str
    """What to change, in whole sentences."""
    cause: Cause = Cause.APPLICATION
    reasons: frozenset[str] = frozenset()
    """Values of `promptcache.miss.reason`; empty for a finding that is made from many calls together."""
    places: frozenset[Place] | None = None
    """None: wherever it is."""
    kinds: frozenset[str | None] | None = None
    """Values of `promptcache.divergence.kind`, None for an absent one; None as a whole: whatever it is."""

    def covers(self, reason: str, place: Place, kind: str | None) -> bool:
        """Tell whether a miss is of this kind."""
        return (
            reason in self.reasons
            and (self.places is None or place in self.places)
            and (self.kinds is None or kind in self.kinds)
        )


def first_rule(rules: Sequence[Rule], reason: str, place: Place, kind: str | None) -> Rule | None:
    """Find the first rule that covers a miss; None for a reason that no rule knows."""
    return next((rule for rule in rules if rule.covers(reason, place, kind)), None)
