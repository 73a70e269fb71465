"""The few forms of PromQL that recur."""

from __future__ import annotations

from collections.abc import Iterable


def by(labels: Iterable[str]) -> str:
    """Write a grouping."""
    return f"by ({', '.join(labels)})"


def select(name: str, *matchers: str) -> str:
    """Select a series by name and matchers; empty matchers are left out."""
    inside = ", ".join(filter(None, matchers))
    return f"{name}{{{inside}}}" if inside else name


def total(expr: str, labels: Iterable[str]) -> str:
    """Sum an expression by labels."""
    return f"sum {by(labels)} ({expr})"


def indent(expr: str) -> str:
    """Indent an expression, as inside parentheses."""
    return "\n".join(f"  {line}" for line in expr.splitlines())


def all_of(*conditions: str) -> str:
    """Join conditions on the same labels; the value is that of the first."""
    return "\nand\n".join(conditions)


def any_of(*exprs: str) -> str:
    """Take the first expression that has a set of labels."""
    return "\nor\n".join(exprs)
