"""Rules, and groups of rules in the order in which Prometheus must evaluate them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otel_promptcache.mixin.durations import duration

CRITICAL, WARNING, INFO = "critical", "warning", "info"
"""Pages someone; is looked at in working hours; is good to know."""

PERCENT, SECONDS, USD, COUNT = "humanizePercentage", "humanizeDuration", 'printf "%.2f"', 'printf "%.0f"'
"""Number formats that work in the templates of both Prometheus and Grafana."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    record: str
    expr: str

    def as_rule(self) -> dict[str, Any]:
        """Return it as it appears in a rule file."""
        return {"record": self.record, "expr": self.expr}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number for an alert's text that is not its own value."""

    expr: str
    shown_as: str
    """The name of a template function, or a format in quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert, independent of what evaluates it.

    The texts refer to labels as `{template}`, the value as `{value}` and further numbers by their names.
    """

    name: str
    expr: str
    for_seconds: int
    calm_seconds: int = 0
    severity: str
    summary: str
    description: str
    shown_as: str
    labels: tuple[str, ...]
    """The labels that distinguish its series."""
    numbers: dict[str, Number] = field(default_factory=dict[str, Number])
    runbook_url: str = ""

    @property
    def slug(self) -> str:
        """Its name as files use it: `prefix-unstable` for PromptCachePrefixUnstable."""
        words = self.name.removeprefix("PromptCache")
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated in order."""

    name: str
    interval_seconds: int
    rules: tuple[dict[str, Any], ...]

    def as_group(self) -> dict[str, Any]:
        """Return it as it appears in a rule file."""
        interval = duration(self.interval_seconds)
        return {"name": self.name, "interval": interval, "rules": list(self.rules)}
