"""Findings from the reasons that single calls were given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from otel_promptcache.report.finding import Finding
from otel_promptcache.report.places import Place, describe_kind, place_of
from otel_promptcache.report.record import CallRecord
from otel_promptcache.report.rules import Cause, Rule, first_rule
from otel_promptcache.report.rules_prompt import PROMPT_RULES
from otel_promptcache.report.rules_setup import OTHER_REASON, SETUP_RULES
from otel_promptcache.report.wording import code, counted, tokens

REASON_RULES = (*PROMPT_RULES, *SETUP_RULES)
"""In the order in which they are tried."""

_T = TypeVar("_T")

COLD_START = "cold_start"
_EXPECTED = frozenset({COLD_START, "below_minimum"})
"""Reasons that belong to any traffic, and are worth a finding only where they make up most of it."""

_MOST = 0.5
_FEW_REQUESTS = 5
"""Too few to say what is usual for them."""

_INDEX = re.compile(r"\[\d+\]")


def miss_findings(groups: Mapping[str | None, Sequence[CallRecord]]) -> Iterator[Finding]:
    """Find what the calls that read too little have in common.

    Args:
        groups: The calls by template, without those that failed.
    """
    one_offs: list[CallRecord] = []
    for template, calls in groups.items():
        yield from _of_template(template, calls)
        if len(calls) < _FEW_REQUESTS:
            one_offs += calls
    # A flood of prompts that are each sent once has no template that it could show in.
    cold = [call for call in one_offs if call.reason == COLD_START]
    if _dominates(cold, one_offs):
        yield _finding(_rule_of(cold[0]), None, cold, len(one_offs))


def _of_template(template: str | None, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    by_rule: dict[tuple[str, Place], tuple[Rule, list[CallRecord]]] = {}
    for call in calls:
        if call.reason is not None:
            rule = _rule_of(call)
            key = rule.id, place_of(call.path) if "{place}" in rule.title else Place.PROMPT
            by_rule.setdefault(key, (rule, []))[1].append(call)
    for rule, missed in by_rule.values():
        if missed[0].reason not in _EXPECTED or _dominates(missed, calls):
            yield _finding(rule, template, missed, len(calls))


def _dominates(calls: Sequence[CallRecord], of_calls: Sequence[CallRecord]) -> bool:
    return len(of_calls) >= _FEW_REQUESTS and len(calls) >= _MOST * len(of_calls)


def _rule_of(call: CallRecord) -> Rule:
    return first_rule(REASON_RULES, call.reason or "", place_of(call.path), call.kind) or OTHER_REASON


def _finding(rule: Rule, template: str | None, calls: Sequence[CallRecord], of_requests: int) -> Finding:
    path = _usual_path(calls)
    token_offsets = [call.token for call in calls if call.token is not None and call.path == path]
    dollars = [call.missed_usd for call in calls if call.missed_usd is not None]
    missed = [call.missed_tokens for call in calls if call.missed_tokens is not None]
    kind = _most_common(call.kind for call in calls)
    token = _most_common(token_offsets) if token_offsets else None
    sources = sorted({call.source for call in calls if call.source}, reverse=True)
    return Finding(
        rule=rule,
        template=template,
        requests=len(calls),
        of_requests=of_requests,
        evidence=" ".join(
            filter(
                None,
                (
                    _where(len(calls), of_requests, path, kind, token),
                    _lost(sum(missed), rule),
                    _without_price(len(calls) - len(dollars)) if dollars else None,
                    _source(calls, rule),
                ),
            )
        ),
        lost_usd=sum(dollars) if dollars else None,
        lost_tokens=sum(missed) if missed else None,
        place=place_of(calls[0].path),
        reason=calls[0].reason,
        path=path,
        kind=kind,
        token=token,
        source=" and ".join(sources) or None,
    )


def _where(requests: int, of_requests: int, path: str | None, kind: str | None, token: int | None) -> str:
    """In how many requests, and where."""
    several = f"{requests:,} of {counted(of_requests, 'request')}"
    if path is None:
        return f"It shows in {several}."
    text = f"In {several} the first difference is in {code(path)}"
    if described := describe_kind(kind):
        text += f" ({described})"
    return f"{text}, at about token {tokens(token)}." if token is not None else f"{text}."


def _lost(lost_tokens: int, rule: Rule) -> str | None:
    if not lost_tokens:
        return None
    could = " that could have been read from the cache" if rule.cause is Cause.PROVIDER else ""
    return f"{tokens(lost_tokens)} tokens{could} were processed again."


def _without_price(requests: int) -> str | None:
    return f"{counted(requests, 'request')} of them without a price." if requests else None


def _source(calls: Sequence[CallRecord], rule: Rule) -> str | None:
    """Who says so; nothing where it goes without saying."""
    said = sum(call.source == "provider" for call in calls)
    if said == len(calls):
        return "The API itself said so."
    if said:
        return f"The API itself said so for {said:,} of them."
    is_comparison = rule.cause is Cause.APPLICATION and any(call.source == "client" for call in calls)
    return "This comes from comparing the requests." if is_comparison else None


def _usual_path(calls: Sequence[CallRecord]) -> str | None:
    """The most frequent path; without its indices where each request has another one."""
    paths = [call.path for call in calls if call.path is not None]
    if not paths:
        return None
    path, count = Counter(paths).most_common(1)[0]
    if count * 2 >= len(paths):
        return path
    return Counter(_INDEX.sub("[…]", each) for each in paths).most_common(1)[0][0]


def _most_common(values: Iterable[_T]) -> _T:
    return Counter(values).most_common(1)[0][0]
