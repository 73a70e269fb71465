"""Findings from the miss reasons of single calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from otel_promptcache.report.findings.finding import Finding, most_common, server_of
from otel_promptcache.report.findings.situations import is_one_off, is_persistent, situation_of
from otel_promptcache.report.reading.record import CallRecord, Change
from otel_promptcache.report.rendering.wording import code, counted, tokens
from otel_promptcache.report.rules.opt_in import OPT_IN_RULES
from otel_promptcache.report.rules.places import Place, describe_kind, place_of
from otel_promptcache.report.rules.prompt import PROMPT_RULES
from otel_promptcache.report.rules.rule import Cause, Rule, Situation, first_rule
from otel_promptcache.report.rules.setup import OTHER_REASON, SETUP_RULES
from otel_promptcache.report.rules.tools import TOOL_RULES

REASON_RULES = (*PROMPT_RULES, *TOOL_RULES, *SETUP_RULES)
"""In the order in which they are tried."""
_OPT_IN_RULES = (*OPT_IN_RULES, *REASON_RULES)
"""The same for calls whose cache stores only what they mark."""

COLD_START = "cold_start"
_EXPECTED = frozenset({COLD_START, "below_minimum"})
"""Reasons that occur in any traffic, and are worth a finding only if they make up most of it."""

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
    # Many prompts that are each sent only once have no template in which this could show.
    cold = [call for call in one_offs if call.reason == COLD_START]
    if _dominates(cold, one_offs):
        yield _finding(_rule_of(cold[0]), None, cold, one_offs)


def _of_template(template: str | None, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    by_rule: dict[tuple[object, ...], tuple[Rule, Situation | None, list[CallRecord]]] = {}
    for call in calls:
        if call.reason is not None:
            rule = _rule_of(call)
            place = place_of(call.path) if "{place}" in rule.title else Place.PROMPT
            setting = call.path if call.path in rule.settings else None  # so their number is bounded
            situation = situation_of(call, rule)
            key = rule.id, place, setting, situation
            by_rule.setdefault(key, (rule, situation, []))[-1].append(call)
    for rule, situation, missed in by_rule.values():
        if missed[0].reason not in _EXPECTED or _dominates(missed, calls):
            yield _finding(rule, template, missed, calls, situation)


def _dominates(calls: Sequence[CallRecord], of_calls: Sequence[CallRecord]) -> bool:
    return len(of_calls) >= _FEW_REQUESTS and len(calls) >= _MOST * len(of_calls)


def _rule_of(call: CallRecord) -> Rule:
    rules = _OPT_IN_RULES if call.is_opt_in else REASON_RULES
    return first_rule(rules, call.reason or "", place_of(call.path), call.kind) or OTHER_REASON


def _finding(
    rule: Rule,
    template: str | None,
    missed: Sequence[CallRecord],
    calls: Sequence[CallRecord],
    situation: Situation | None = None,
) -> Finding:
    path = _usual_path(missed)
    token_offsets = [call.token for call in missed if call.token is not None and call.path == path]
    dollars = [call.missed_usd for call in missed if call.missed_usd is not None]
    lost = [call.missed_tokens for call in missed if call.missed_tokens is not None]
    unpriced = sum(call.missed_tokens != 0 and call.missed_usd is None for call in missed)
    kind = most_common(call.kind for call in missed)
    token = most_common(token_offsets) if token_offsets else None
    sources = sorted({call.source for call in missed if call.source}, reverse=True)
    one_off = is_one_off(missed, calls)
    changes = most_common(call.changes for call in missed)
    if situation is None and rule.cause is Cause.PROVIDER and is_persistent(missed, calls):
        situation = Situation.PERSISTENT
    return Finding(
        rule=rule,
        template=template,
        requests=len(missed),
        of_requests=len(calls),
        evidence=" ".join(
            filter(
                None,
                (
                    _where(missed, len(calls), path, kind, token),
                    _others(changes),
                    "The prompt has been stable since." if one_off else None,
                    _lost(sum(lost), rule),
                    _without_price(unpriced) if dollars else None,
                    _source(missed),
                ),
            )
        ),
        lost_usd=sum(dollars) if dollars else None,
        lost_tokens=sum(lost) if lost else None,
        place=place_of(missed[0].path),
        reason=missed[0].reason,
        path=path,
        kind=kind,
        token=token,
        source=" and ".join(sources) or None,
        situation=situation,
        message=_majority([call.breakpoint_path for call in missed]),
        server=server_of(missed),
        places=len(changes) or 1,
        is_one_off=one_off,
    )


def _where(
    missed: Sequence[CallRecord], of_requests: int, path: str | None, kind: str | None, token: int | None
) -> str:
    """Say in how many requests it shows, and where."""
    several = f"{len(missed):,} of {counted(of_requests, 'request')}"
    if path is None or missed[0].reason == "settings_changed":
        return f"This happened in {several}."
    text = f"In {several} the first difference is in {code(path)}"
    if described := describe_kind(kind):
        text += f" ({described})"
    if token is None:
        return f"{text}."
    return f"{text}, at about token {tokens(token)}." if token else f"{text}, at the start."


def _others(changes: Sequence[Change]) -> str | None:
    """The other places; None if there are none."""
    others = [f"{code(change.path)} ({describe_kind(change.kind) or change.kind})" for change in changes[1:]]
    return f"More differences follow: {', '.join(others)}." if others else None


def _lost(lost_tokens: int, rule: Rule) -> str | None:
    if not lost_tokens:
        return None
    could = " that could have been read from the cache" if rule.cause is Cause.PROVIDER else ""
    return f"{tokens(lost_tokens)} tokens{could} were processed again."


def _without_price(requests: int) -> str | None:
    return f"No price is known for {requests:,} of these requests." if requests else None


def _source(calls: Sequence[CallRecord]) -> str | None:
    """Who says so, if it is the provider."""
    said = sum(call.source == "provider" for call in calls)
    if said == len(calls):
        return "The provider's API reported this reason."
    return f"The provider's API reported this reason for {said:,} of them." if said else None


def _usual_path(calls: Sequence[CallRecord]) -> str | None:
    """The most frequent path; without its indices if they differ between requests."""
    paths = [call.path for call in calls if call.path is not None]
    if not paths:
        return None
    path, count = Counter(paths).most_common(1)[0]
    if count * 2 >= len(paths):
        return path
    return Counter(_INDEX.sub("[…]", each) for each in paths).most_common(1)[0][0]


def _majority(values: Sequence[str | None]) -> str | None:
    """The value that at least half of them have; None if there is none."""
    value, count = Counter(values).most_common(1)[0]
    return value if count * 2 >= len(values) else None
