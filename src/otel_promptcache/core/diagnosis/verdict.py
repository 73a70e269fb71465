"""Why a request read less than it could have, where its prompt changed, and what that cost in tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from otel_promptcache.core.comparison.comparison import Comparison
from otel_promptcache.core.comparison.divergence import DivergenceKind
from otel_promptcache.core.diagnosis.case import Case, History
from otel_promptcache.core.diagnosis.expectation import Expectation, expect
from otel_promptcache.core.diagnosis.miss_rules import Evidence, content_changed, diagnose
from otel_promptcache.core.diagnosis.reasons import CONTENT_REASONS, MissReason, MissSource
from otel_promptcache.core.diagnosis.token_estimates import estimated_offset_tokens
from otel_promptcache.core.diagnosis.unseen import unless_unseen
from otel_promptcache.core.exchange import ProviderDiagnosis
from otel_promptcache.core.prompt.segments import SegmentKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt diverges from the earlier one that it is compared with."""

    path: str
    kind: DivergenceKind | None = None
    """None for a setting, which is not a place in the prompt."""
    token: int | None = None
    """Estimated offset; None if unknown."""


class Change(NamedTuple):
    """One of several places where a prompt differs from the earlier one."""

    path: str
    kind: DivergenceKind
    token: int
    """Estimated offset."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a request read less than it could have; all None if it did not, or if that cannot be told."""

    expected_tokens: int | None = None
    """What the provider could have read for exactly this prompt."""
    avoidable_tokens: int | None = None
    """Content that was sent before, but is where no prefix cache can reach it."""
    reason: MissReason | None = None
    source: MissSource | None = None
    missed_tokens: int | None = None
    """What was processed again for that reason; 0 for a prompt that resembles no earlier one, None if unknown."""
    place: Place | None = None
    changes: tuple[Change, ...] = ()
    """All places up to the first 1,024 unchanged tokens, at most five; empty if there is only one."""
    breakpoint_path: str | None = None
    """The message at whose end a breakpoint would have made the shared prefix readable; None if it ends inside a
    message, or if that was not what was missing."""
    is_other_template: bool = False
    """The earlier prompt, which has most of this one's content, is of a different template."""
    history: History = History.PROCESS
    """Whose requests it is judged against."""


def judge(
    case: Case, comparison: Comparison | None, sibling: Comparison | None, said: ProviderDiagnosis | None
) -> Diagnosis:
    """Say what could have been read, and why it was not.

    Args:
        case: The request.
        comparison: With the earlier prompt that it resembles most; None if none resembles it.
        sibling: With a prompt of the same template that is alive, if this prompt's own prefix is not; else None.
        said: The provider's own diagnosis. It takes precedence unless nothing was to be cached: it also compares
            uncached prompts.
    """
    expectation = expect(case, comparison)
    diagnosis = Diagnosis(expectation.readable.tokens, expectation.avoidable_tokens, history=case.history)
    by_provider = None
    if said is not None and not case.asks_for_nothing:
        by_provider = provider_verdict(said, case.input_tokens - case.read_tokens)
    if by_provider is not None:
        diagnosis = replace(
            diagnosis,
            reason=by_provider.reason,
            source=by_provider.source,
            missed_tokens=by_provider.missed_tokens,
            place=by_provider.place,
        )
        return _placed(case, diagnosis, comparison, expectation)
    if expectation.is_met:
        return diagnosis
    miss = diagnose(_evidence(case, comparison, expectation))
    if miss is not None and miss.reason is MissReason.EXPIRED and sibling is not None:
        beside = _beside(case, sibling)
        if (spoiled := content_changed(beside)) is not None and 2 * (spoiled.tokens or 0) >= (
            miss.tokens or 0
        ):
            miss, comparison, expectation = spoiled, sibling, beside.expectation
            diagnosis = Diagnosis(
                expectation.readable.tokens, expectation.avoidable_tokens, history=case.history
            )
    if miss is None:
        return diagnosis
    if case.history is History.PROCESS:
        miss = unless_unseen(miss, _evidence(case, comparison, expectation))
    unread_tokens = case.input_tokens - case.read_tokens
    missed_tokens = None if miss.tokens is None else min(miss.tokens, unread_tokens)
    diagnosis = replace(diagnosis, reason=miss.reason, source=MissSource.CLIENT, missed_tokens=missed_tokens)
    return _placed(case, diagnosis, comparison, expectation)


def provider_verdict(said: ProviderDiagnosis, unread_tokens: int) -> Diagnosis | None:
    """What the provider says; None if its reason is not a known one.

    Args:
        said: Its own diagnosis. Some providers estimate the tokens, and may overestimate them.
        unread_tokens: What was not read from the cache: no more can have been missed.
    """
    if said.reason not in MissReason.__members__.values():
        return None
    return Diagnosis(
        reason=MissReason(said.reason),
        source=MissSource.PROVIDER,
        missed_tokens=None if said.missed_tokens is None else min(said.missed_tokens, unread_tokens),
        place=None if said.path is None else Place(said.path),
    )


def _evidence(case: Case, comparison: Comparison | None, expectation: Expectation) -> Evidence:
    return Evidence(
        sent=case.sent,
        nearest=comparison.nearest if comparison else None,
        divergence=comparison.divergence if comparison else None,
        expectation=expectation,
        policy=case.policy,
        input_tokens=case.input_tokens,
        read_tokens=case.read_tokens,
        requests_last_minute=case.match.requests_last_minute,
        has_lineage=case.match.has_lineage,
        is_other_template=comparison is not None and comparison.is_other_template,
        has_written=case.has_written,
    )


def _beside(case: Case, sibling: Comparison) -> Evidence:
    """What the rules look at if only this other prompt could have been read, which has its own common start."""
    common_tokens = estimated_offset_tokens(case.sent, sibling.common_bytes, case.input_tokens)
    return _evidence(case, sibling, replace(expect(case, sibling), shared_tokens=common_tokens))


def _placed(
    case: Case, diagnosis: Diagnosis, comparison: Comparison | None, expectation: Expectation
) -> Diagnosis:
    """The diagnosis with the place that its reason is about."""
    divergence, closest = comparison.divergence if comparison else None, expectation.closest_scope
    is_setting = divergence is not None and divergence.segment is SegmentKind.SETTING
    if diagnosis.reason is MissReason.SETTINGS_CHANGED and closest is not None and not is_setting:
        path = case.sent.scope.changed_setting(closest)
        return replace(diagnosis, place=Place(path)) if path else diagnosis
    if diagnosis.reason is MissReason.NO_MATCHING_BREAKPOINT:
        diagnosis = replace(diagnosis, breakpoint_path=_breakpoint_path(case, comparison, expectation))
    if comparison is None or divergence is None or diagnosis.reason not in CONTENT_REASONS:
        return diagnosis
    if is_setting:
        return replace(diagnosis, place=Place(divergence.path))
    changes = [
        Change(each.path, each.kind, estimated_offset_tokens(case.sent, each.offset_bytes, case.input_tokens))
        for each in divergence.differences
    ]
    offset = estimated_offset_tokens(case.sent, divergence.offset_bytes, case.input_tokens)
    return replace(
        diagnosis,
        place=Place(divergence.path, divergence.kind, offset),
        changes=tuple(changes) if len(changes) > 1 else (),
        is_other_template=comparison.is_other_template,
    )


def _breakpoint_path(case: Case, comparison: Comparison | None, expectation: Expectation) -> str | None:
    """The last message that an earlier prompt in the same scope also has; None if they diverge inside the next."""
    links, alive = case.sent.prompt.links, case.match.alive_links
    while alive and links[alive - 1].kind is SegmentKind.SETTING:
        alive -= 1
    end_bytes = links[alive - 1].end_bytes if alive else 0
    inside_bytes = (comparison.common_bytes if comparison else 0) - end_bytes
    inside_tokens = estimated_offset_tokens(case.sent, max(0, inside_bytes), case.input_tokens)
    if not alive or inside_tokens > expectation.tolerance_tokens:
        return None
    return links[alive - 1].path
