"""Finds prompts that have the same parts in a different order in each process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from otel_promptcache.report.findings.finding import Finding
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.wording import counted, tokens
from otel_promptcache.report.rules.patterns import ORDER_DIFFERS
from otel_promptcache.report.rules.places import Place

_FEW_PROCESSES = 2


def orders_that_differ(calls: Sequence[CallRecord]) -> Iterator[Finding]:
    """Find leading parts that consist of the same parts in all processes, but in a different order in each.

    Args:
        calls: Those of all processes, in chronological order within each template.
    """
    by_parts: defaultdict[str, list[CallRecord]] = defaultdict(list)
    for call in calls:
        if call.parts is not None and call.leading is not None:
            by_parts[call.parts].append(call)
    for group in by_parts.values():
        if (finding := _order_differs(group)) is not None:
            yield finding


def _order_differs(calls: Sequence[CallRecord]) -> Finding | None:
    orders: defaultdict[int, set[str]] = defaultdict(set)
    firsts: dict[str, CallRecord] = {}
    for call in sorted(calls, key=lambda each: each.started_seconds):
        orders[call.process].add(call.leading or "")
        firsts.setdefault(call.leading or "", call)
    # An order that also changes within a process is found by comparing that process's requests.
    is_one_each = all(len(each) == 1 for each in orders.values())
    if len(orders) < _FEW_PROCESSES or len(firsts) < _FEW_PROCESSES or not is_one_each:
        return None
    # The first request of each further order was processed again, except for what it still read.
    lost = [max(0, (call.input_tokens or 0) - (call.read_tokens or 0)) for call in list(firsts.values())[1:]]
    templates = {call.template for call in calls}
    return Finding(
        rule=ORDER_DIFFERS,
        template=templates.pop() if len(templates) == 1 else None,
        requests=len(calls),
        of_requests=len(calls),
        evidence=f"{counted(len(orders), 'process')} sent the same parts in {len(firsts)} different orders. The "
        f"first requests of the additional orders cost up to {tokens(sum(lost))} extra tokens in total.",
        lost_tokens=sum(lost) or None,
        place=Place.INSTRUCTIONS,
    )
