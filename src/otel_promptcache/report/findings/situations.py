"""What distinguishes misses of one kind: whether they recur, and which advice helps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rules.rule import Rule, Situation

_IN_A_ROW = 3
_MOST = 0.5
_FEW_REQUESTS = 3

_FEW_CHANGES = 3
_STABLE_REQUESTS = 5
"""How many unaffected requests must follow a single change before it counts as a one-off."""
_STABLE_BETWEEN_CHANGES = 20
"""The same for several changes, which could also be one per session."""


def situation_of(call: CallRecord, rule: Rule) -> Situation | None:
    """Which variant of a rule applies to a single call; None for the rule itself."""
    if call.is_other_template and Situation.OTHER_TEMPLATE in rule.variants:
        return Situation.OTHER_TEMPLATE
    if Situation.MESSAGE_ENDS not in rule.variants:
        return None
    if call.path is None and call.breakpoint_path is not None:
        return Situation.HISTORY_GREW
    if call.breakpoint_path is not None:
        return Situation.MESSAGE_ENDS
    return Situation.INSIDE_A_MESSAGE if call.path is not None else None


def is_persistent(missed: Sequence[CallRecord], calls: Sequence[CallRecord]) -> bool:
    """Whether an unchanged prompt misses again and again, rather than once in a while.

    Args:
        missed: The calls of a template that missed for no reason of the application.
        calls: All calls of the template, in chronological order.
    """
    lost = {id(call) for call in missed}
    eligible = [call for call in calls if call.expected_tokens or id(call) in lost]
    longest = max(
        (len(list(run)) for is_lost, run in groupby(eligible, lambda each: id(each) in lost) if is_lost),
        default=0,
    )
    is_most = len(missed) >= _FEW_REQUESTS and len(missed) > _MOST * len(eligible)
    return longest >= _IN_A_ROW or is_most


def is_one_off(missed: Sequence[CallRecord], calls: Sequence[CallRecord]) -> bool:
    """Whether a prompt changed once or a few times, as with deployments, and was stable in between and since.

    Args:
        missed: The calls of a template in which the prompt changed, in chronological order.
        calls: All calls of the template, in chronological order.
    """
    if len(missed) > _FEW_CHANGES or any(call.path is None for call in missed):
        return False
    changed = {id(call) for call in missed}
    stable, runs = 0, list[int]()
    for call in calls:
        if id(call) in changed:
            runs.append(stable)
            stable = 0
        else:
            stable += 1
    needed = _STABLE_REQUESTS if len(missed) == 1 else _STABLE_BETWEEN_CHANGES
    return all(run >= needed for run in (*runs[1:], stable))
