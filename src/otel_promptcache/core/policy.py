"""What a family of models promises about its prompt cache, and what a user may state instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from otel_promptcache.core.quoting import named, quoted

_ASSUMED_LIFETIME_SECONDS = 300.0
"""If no lifetime is published, older entries are not looked for. Nothing is said to have expired, either."""


class InvalidPolicyError(ValueError):
    """A stated policy is invalid; the message names the place, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What a family of models promises about its prompt cache. None means that nothing is published.

    Source: as in `source` (checked as in `checked`).
    """

    family: str
    pattern: re.Pattern[str]
    """Matched at the start of the model id."""
    source: str
    checked: str
    is_known: bool = True
    """False for models without a known rule."""
    has_cache: bool = True
    minimum_tokens: int | None = None
    """Shortest input that can be cached."""
    step_tokens: int | None = None
    """Reads are a multiple of this, so a smaller shortfall means nothing."""
    has_exact_boundaries: bool = False
    """Reads end only at certain places, instead of at any multiple of the step."""
    is_opt_in: bool = False
    """For a cache with exact boundaries: it is written only if a request marks a block."""
    read_window_blocks: int = 0
    """For an opt-in cache: how many blocks are searched for an entry, backwards from each marked one."""
    has_units: bool = False
    """Only whole units can be read: earlier prompts, and others that the provider picks."""
    lifetime_seconds: float | None = None
    """How long an entry is certain to live after its last use, unless the request says otherwise."""
    lifetime_seconds_by_name: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same for a `ttl` or `retention` that a request names."""
    lives_from_request: bool = False
    """The lifetime of an entry starts with the request that wrote or read it, not with the answer."""
    expects_reads: bool = True
    """False if an unchanged prompt may or may not be read within its lifetime: a miss then has no reason."""
    max_requests_per_minute: float | None = None
    """Above this, requests with the same start spill over to machines that have not seen them."""

    @property
    def has_published_lifetime(self) -> bool:
        """Whether it is known how long an entry lives; if not, nothing is known to have expired."""
        return self.lifetime_seconds is not None

    def applies_to(self, model: str) -> bool:
        """Tell whether the rule applies to this model of its provider."""
        return self.pattern.match(model) is not None

    def lifetime(self, name: str) -> float:
        """Seconds for which an entry is assumed to live if a request names this `ttl` or `retention`."""
        published = self.lifetime_seconds_by_name.get(name, self.lifetime_seconds)
        return _ASSUMED_LIFETIME_SECONDS if published is None else published

    def stated(self, model: str, own: Mapping[str, Any]) -> CachePolicy:
        """The rules of a model, overridden by what a user states, as accepted by `check_policies`.

        A user who states how long an entry lives also states that it is read until then.
        """
        expects_reads = self.expects_reads or "lifetime_seconds" in own
        return replace(self, family=model, source="stated by the user", expects_reads=expects_reads, **own)


UNKNOWN_POLICY = CachePolicy(
    family="unknown",
    pattern=re.compile(r""),
    source="no rules are known: what the provider reports is used unchanged",
    checked="2026-11-25",
    is_known=False,
    expects_reads=False,
)
"""The rules of a model about which nothing is published. They exclude nothing."""

_STATEABLE = ("has_cache", "minimum_tokens", "step_tokens", "has_exact_boundaries", "lifetime_seconds",
              "max_requests_per_minute")  # fmt: skip

_MOST = 1_000_000_000
"""The highest allowed number of tokens, seconds or requests: not infinite, and sums with floats stay exact."""


def check_policies(stated: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Validate the policies that a user states: by model, the members of `CachePolicy` that differ.

    Raises:
        InvalidPolicyError: A member is unknown or its value is not allowed.
    """
    kinds = {each.name: str(each.type) for each in fields(CachePolicy)}
    for model, members in stated.items():
        for name, value in members.items():
            where = f"policies: {named(model)}: {named(name)}"
            if name not in _STATEABLE:
                raise InvalidPolicyError(f"{where} is not a rule; the rules are {', '.join(_STATEABLE)}")
            is_flag = kinds[name] == "bool"
            if is_flag and not isinstance(value, bool):
                raise InvalidPolicyError(f"{where} is {quoted(value)}: expected true or false")
            is_count = name.endswith("_tokens")
            if is_count and (type(value) is not int or not 1 <= value <= _MOST):
                raise InvalidPolicyError(
                    f"{where} is {quoted(value)}: expected a whole number above 0, at most {_MOST:,}"
                )
            if not is_flag and not is_count and (type(value) not in (int, float) or not 0 < value <= _MOST):
                raise InvalidPolicyError(
                    f"{where} is {quoted(value)}: expected a number above 0, at most {_MOST:,}"
                )
    return stated
