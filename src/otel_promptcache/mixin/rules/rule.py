"""What a rule is, and the groups of all rules in the order in which Prometheus is to evaluate them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otel_promptcache.mixin.durations import duration

CRITICAL, WARNING, INFO = "critical", "warning", "info"
"""Wakes somebody up; is looked at in working hours; is good to know."""

PERCENT, SECONDS, USD, COUNT = "humanizePercentage", "humanizeDuration", 'printf "%.2f"', 'printf "%.0f"'
"""How templates of Prometheus and of Grafana alike write a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    record: str
    expr: str

    def as_rule(self) -> dict[str, Any]:
        """Return it as a rule file has it."""
        return {"record": self.record, "expr": self.expr}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number for an alert's text that is not its own value."""

    expr: str
    shown_as: str
    """The name of a template function, or a format in quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert, whoever evaluates it.

    The texts name labels as `{template}`, the value as `{value}` and further numbers by their names.
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
    """What its series are told apart by."""
    numbers: dict[str, Number] = field(default_factory=dict[str, Number])
    runbook_url: str = ""

    @property
    def slug(self) -> str:
        """Its name as a file has it: `prefix-unstable` for PromptCachePrefixUnstable."""
        words = self.name.removeprefix("PromptCache")
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    interval_seconds: int
    rules: tuple[dict[str, Any], ...]

    def as_group(self) -> dict[str, Any]:
        """Return it as a rule file has it."""
        interval = duration(self.interval_seconds)
        return {"name": self.name, "interval": interval, "rules": list(self.rules)}
