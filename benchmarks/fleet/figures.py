"""What the outcomes of a scenario come to."""

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
"""What happens at the provider, or because of all processes together."""
_NO_BLAME = frozenset({*_NOBODYS, _COLD_START, "below_minimum", UNSEEN, None})
_ROUNDING_TOKENS = max(128, policy_for("openai", "gpt-4.1").step_tokens)


@dataclass(frozen=True, slots=True)
class Figures:
    """How right the verdicts on some requests are."""

    requests: int
    lost: int
    """Requests that lost something, as the one that sees everything says."""
    wrong: int
    """Of these, the verdicts that say something else; `unseen` is not counted here."""
    cold: int
    """Of the wrong verdicts, those that say `cold_start`: only that the process has not sent it before."""
    unseen: int
    """Of those that lost something, the verdicts that say that the process cannot know."""
    wrong_otherwise: int
    """Wrong verdicts on all other requests, `unseen` not counted."""
    hits: int
    blind_hits: int
    """Hits that read more than was expected."""
    told_usd: float
    """Missed, as the processes say."""
    true_usd: float
    """Missed, as the one that sees everything says."""
    blamed: int
    """Losses of the provider or of the rate that are told as the application's."""
    not_the_applications: int
    """Losses of the provider or of the rate."""
    fault_usd: float | None
    """Missed because of the application's fault, as the processes say; None if it has none."""
    repair_usd: float | None
    """What is billed less when the application is repaired; None likewise."""
    confusions: Counter[tuple[str, str]]
    """Of the requests that lost something, the true and the told reasons that differ."""


def figures(outcomes: Sequence[Outcome], fault: str | None = None) -> Figures:
    """Sum up.

    Args:
        outcomes: Of one run, or of several together.
        fault: The reason that the application's fault is to be given; None if it has none.
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
