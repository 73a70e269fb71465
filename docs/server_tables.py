"""The tables of servers, from the rows of `providers` and of the simulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from markdown_table import table

from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.profile import IN_DETAILS, Profile
from otel_promptcache.providers.profiles import PROFILES, SELF_HOSTED
from otel_promptcache.sim.servers.profiles import SERVERS


def servers() -> str:
    """The table of providers: their hosts, what is read from answers, and how requests are priced and judged."""
    rows = (
        (
            f"`{profile.name}`",
            _hosts(profile),
            _listing(profile.cached_at).replace(f"`{IN_DETAILS}`", "in the details"),
            profile.absent_count.value,
            f"by `{profile.prices.table_id}`" if profile.prices else "never",
            "<br>".join(_judged_by(profile)) or "no rules",
            _affinity(profile),
            f"{profile.source} ({profile.checked})",
        )
        for profile in (*PROFILES, *SELF_HOSTED)
    )
    header = ("provider", "hosts", "cached tokens", "if absent", "priced", "judged by", "affinity", "source")
    return table(header, rows)


def _hosts(profile: Profile) -> str:
    pattern = (profile.pattern.pattern,) if profile.pattern else ()
    return _listing((*profile.domains, *pattern)) or "set with `hosts`"


def known_servers() -> str:
    """The short table: which providers are priced, and how a miss is judged."""
    groups: dict[tuple[str, str], list[str]] = {}
    for profile in (*PROFILES, *SELF_HOSTED):
        if any(_figures(policy) for policy in profile.policies):
            judged = "by its own rules"
        else:
            judged = "as a cache without published figures" if profile.policies else "not judged"
        groups.setdefault(("yes" if profile.prices else "no", judged), []).append(profile.name)
    rows = ((_listing(names), *said) for said, names in sorted(groups.items(), reverse=True))
    return table(("provider", "dollars", "how a miss is judged"), rows)


def _judged_by(profile: Profile) -> Iterator[str]:
    """The rules of each family, one line each."""
    for family, members in groupby(profile.policies, lambda policy: policy.family):
        policies = list(members)
        minimums = sorted(policy.minimum_tokens for policy in policies if policy.minimum_tokens)
        figures = _figures(policies[0])
        if len(policies) > 1 and len(minimums) > 1:
            rest = _figures(replace(policies[0], minimum_tokens=None))
            figures = [f"from {minimums[0]:,} to {minimums[-1]:,} tokens (depends on the model)", *rest]
        yield f"{family}: {', '.join(figures) or 'no figures published'}"


def _figures(policy: CachePolicy) -> list[str]:
    """The rules of a family in short; what is not published is left out."""
    step, rate = policy.step_tokens, policy.max_requests_per_minute
    said = {
        "no cache": not policy.has_cache,
        f"from {policy.minimum_tokens or 0:,} tokens": policy.minimum_tokens and policy.has_cache,
        "exact boundaries": policy.has_exact_boundaries,
        "whole units": policy.has_units,
        f"steps of {step or 0:,}": step and policy.has_cache and not policy.has_exact_boundaries,
        f"lives {(policy.lifetime_seconds or 0) / 60:g} min": policy.lifetime_seconds and policy.has_cache,
        f"{rate or 0:g} requests/min": rate and policy.has_cache,
        "a miss may be normal": not policy.expects_reads,
    }
    return [words for words, holds in said.items() if holds]


def _affinity(profile: Profile) -> str:
    hints = (
        f"`{hint.name}`{' (header)' if hint.is_header else ''}{f' on {hint.api_type}' if hint.api_type else ''}"
        for hint in profile.affinity
    )
    return ", ".join(hints) or "none"


def _listing(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def simulated() -> str:
    """The servers that can be simulated, and by which rules."""
    rows: list[tuple[str, str, str]] = []
    for name, server in SERVERS.items():
        assumptions = f". Assumed: {server.assumptions}" if server.assumptions else ""
        step = f"{server.policy.page_tokens:,}" if server.policy else "depends on the model"
        rows.append((f"`{name}`", step, f"{server.source} ({server.checked}){assumptions}"))
    return table(("server", "step in tokens", "source"), rows)
