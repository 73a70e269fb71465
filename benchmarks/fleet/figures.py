"""Sums up the outcomes of a scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.fleet.run import Outcome
from otel_promptcache.core.analyzer import CacheReport
from otel_promptcache.providers.policies import policy_for

UNSEEN = "unseen"
_COLD_START = "cold_start"
_NOBODYS = frozenset({"provider", "rate_overflow"})
"""Reasons that lie with the provider, or with all processes together."""
_NO_BLAME = frozenset({*_NOBODYS, _COLD_START, "below_minimum", UNSEEN, None})
_ROUNDING_TOKENS = max(128, policy_for("openai", "gpt-4.1").step_tokens)


@dataclass(frozen=True, slots=True)
class Figures:
    """How often the verdicts on some requests are right."""

    requests: int
    lost: int
    """Requests that lost something, according to the all-seeing process."""
    wrong: int
    """Wrong verdicts on them, except `unseen`."""
    cold: int
    """Wrong verdicts that say `cold_start`, because only this process has not sent the prompt before."""
    unseen: int
    """Lost requests whose verdict is that the process cannot know the reason."""
    wrong_otherwise: int
    """Wrong verdicts on all other requests, except `unseen`."""
    late: int | None
    """Verdicts without the fleet's knowledge, because it came too late; None if there is no fleet."""
    hits: int
    blind_hits: int
    """Hits that read more tokens than expected."""
    told_usd: float
    """Missed savings according to the processes."""
    true_usd: float
    """Missed savings according to the all-seeing process."""
    blamed: int
    """Losses due to the provider or the rate that are blamed on the application."""
    not_the_applications: int
    """Losses due to the provider or the rate."""
    fault_usd: float | None
    """Savings missed due to the application's fault, according to the processes; None if it has no fault."""
    repair_usd: float | None
    """Reduction of the bill once the application is repaired; None if it has no fault."""
    confusions: Counter[tuple[str, str]]
    """Pairs of true and diagnosed reasons of the wrong verdicts."""


def figures(outcomes: Sequence[Outcome], fault: str | None = None) -> Figures:
    """Sum up.

    Args:
        outcomes: Those of one run or of several.
        fault: The reason that should be diagnosed for the application's fault; None if it has none.
    """
    lost = [each for each in outcomes if each.truth.diagnosis.missed_tokens]
    others = [each for each in outcomes if not each.truth.diagnosis.missed_tokens]
    unseen = [each for each in lost if reason(each.told) == UNSEEN]
    wrong = [each for each in lost if reason(each.told) != UNSEEN and not _agree(each)]
    hits = [each for each in outcomes if each.told.usage.cache_read_tokens]
    not_the_applications = [each for each in lost if reason(each.truth) in _NOBODYS]
    repairs = [
        each.input_cost_usd - each.repaired_cost_usd
        for each in outcomes
        if each.repaired_cost_usd is not None
    ]
    of_fault = [each.told for each in outcomes if reason(each.told) == fault]
    return Figures(
        requests=len(outcomes),
        lost=len(lost),
        wrong=len(wrong),
        cold=sum(reason(each.told) == _COLD_START for each in wrong),
        unseen=len(unseen),
        wrong_otherwise=sum(not _agree(each) and reason(each.told) != UNSEEN for each in others),
        late=None if outcomes[0].is_late is None else sum(bool(each.is_late) for each in outcomes),
        hits=len(hits),
        blind_hits=sum(_is_blind(each.told) for each in hits),
        told_usd=_missed_usd([each.told for each in outcomes]),
        true_usd=_missed_usd([each.truth for each in outcomes]),
        blamed=sum(reason(each.told) not in _NO_BLAME for each in not_the_applications),
        not_the_applications=len(not_the_applications),
        fault_usd=None if fault is None else _missed_usd(of_fault),
        repair_usd=None if fault is None else sum(repairs),
        confusions=Counter((str(reason(each.truth)), str(reason(each.told))) for each in wrong),
    )


def reason(report: CacheReport) -> str | None:
    """Why something was missed; None if nothing was."""
    return report.diagnosis.reason and report.diagnosis.reason.value


def _agree(outcome: Outcome) -> bool:
    told, truth = outcome.told, outcome.truth
    return (told.result, told.diagnosis.reason) == (truth.result, truth.diagnosis.reason)


def _is_blind(report: CacheReport) -> bool:
    read, expected = report.usage.cache_read_tokens or 0, report.diagnosis.expected_tokens or 0
    return read - expected > _ROUNDING_TOKENS


def _missed_usd(reports: Collection[CacheReport]) -> float:
    return sum(report.missed_savings_usd or 0.0 for report in reports)
