"""Writes for a longer lifetime than usual: their extra cost, and what reads after the usual lifetime saved."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.report.findings.finding import Finding, server_of
from otel_promptcache.report.reading.record import CallRecord
from otel_promptcache.report.rendering.wording import counted, duration, tokens, usd
from otel_promptcache.report.rules.opt_in import HOUR_NOT_NEEDED

PriceOf = Callable[[CallRecord], ModelPrice | None]
"""What the model of a call costs; None if it is not known."""

_FEW_WRITES = 3
_TOKENS_PER_MTOK = 1_000_000
_ROUNDING = 0.01
"""The share of the list price by which what was billed may differ from it."""


@dataclass(slots=True)
class _Sums:
    """Sums over the calls of one template."""

    writes: list[CallRecord]
    written_tokens: int = 0
    late_tokens: int = 0
    """Tokens read when an entry of the usual lifetime would have expired."""
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    is_priced: bool = True


def longer_lifetime_not_needed(
    template: str | None, calls: Sequence[CallRecord], price_of: PriceOf
) -> Finding | None:
    """Find writes for a longer lifetime whose extra cost exceeds what the reads that only they allowed saved.

    Args:
        template: The template of the calls.
        calls: In chronological order.
        price_of: Returns what a call's tokens cost. Without prices, a single late read rules out a finding.
    """
    sums = _sums(calls, price_of)
    if len(sums.writes) < _FEW_WRITES or (
        sums.saved_usd >= sums.cost_usd if sums.is_priced else sums.late_tokens
    ):
        return None
    policy, longer = _policy(sums.writes[-1]), sums.writes[-1].write_ttl or ""
    usual = duration(policy.lifetime_seconds or 0.0)
    more = f", which cost {usd(sums.cost_usd)} more than writing for {usual}" if sums.is_priced else ""
    gain = f", which saved {usd(sums.saved_usd)}" if sums.is_priced and sums.late_tokens else ""
    return Finding(
        rule=HOUR_NOT_NEEDED,
        template=template,
        requests=len(sums.writes),
        of_requests=len(calls),
        evidence=f"{len(sums.writes):,} of {counted(len(calls), 'request')} wrote {tokens(sums.written_tokens)} "
        f"tokens for `{longer}`{more}. {tokens(sums.late_tokens)} tokens were read more than {usual} after their "
        f"last use{gain}.",
        lost_usd=sums.cost_usd - sums.saved_usd if sums.is_priced else None,
        server=server_of(sums.writes),
    )


class _Entries:
    """When entries of the cache were last written or read, identified by their length.

    In a cache with exact boundaries, a read is as long as what an earlier request read and wrote together.
    """

    def __init__(self) -> None:
        self._used_seconds: defaultdict[tuple[object, ...], deque[float]] = defaultdict(deque)

    def pause_seconds(self, call: CallRecord, policy: CachePolicy) -> float:
        """Return how long the entry that a call reads was unused, the longest if several match, and note its use.

        The age of an entry that no call was seen to write is not known: it counts as infinite.
        """
        used = self._used_seconds[self._key(call, call.read_tokens or 0)]
        longest_seconds = max(policy.lifetime_seconds_by_name.values(), default=0.0)
        while used and used[0] < call.started_seconds - longest_seconds:
            used.popleft()
        last_seconds = used.popleft() if used else -math.inf
        used.append(call.started_seconds)
        return call.started_seconds - last_seconds

    def written(self, call: CallRecord) -> None:
        """Note the entry that a call writes."""
        end_tokens = (call.read_tokens or 0) + (call.write_tokens or 0)
        self._used_seconds[self._key(call, end_tokens)].append(call.started_seconds)

    def _key(self, call: CallRecord, end_tokens: int) -> tuple[object, ...]:
        return call.model, call.digest, end_tokens


def _sums(calls: Sequence[CallRecord], price_of: PriceOf) -> _Sums:
    sums, entries = _Sums([]), _Entries()
    for call in calls:
        policy = _policy(call)
        if not policy.is_opt_in:
            continue
        read, written, usual_seconds = (
            call.read_tokens or 0,
            call.write_tokens or 0,
            policy.lifetime_seconds or 0.0,
        )
        lifetime_seconds = policy.lifetime_seconds_by_name.get(call.write_ttl or "", 0.0)
        is_longer = written > 0 and lifetime_seconds > usual_seconds
        is_late = read > 0 and entries.pause_seconds(call, policy) > usual_seconds
        if written:
            entries.written(call)
        if is_longer:
            sums.writes.append(call)
            sums.written_tokens += written
        if is_late:
            sums.late_tokens += read
        if is_longer or is_late:
            _add_dollars(sums, call, price_of, is_longer=is_longer, is_late=is_late)
    return sums


def _add_dollars(sums: _Sums, call: CallRecord, price_of: PriceOf, *, is_longer: bool, is_late: bool) -> None:
    price = price_of(call)
    while price is not None and (step := price.long_context) and (call.input_tokens or 0) > step.above_tokens:
        price = step.price
    longer = None if price is None else price.cache_write_usd_per_mtok_by_lifetime.get(call.write_ttl or "")
    if price is None or (is_longer and longer is None):
        sums.is_priced = False
        return
    ordinary = price.input_usd_per_mtok
    read_rate = ordinary if (rate := price.cache_read_usd_per_mtok) is None else rate
    write_rate = ordinary if (rate := price.cache_write_usd_per_mtok) is None else rate
    read, written = call.read_tokens or 0, call.write_tokens or 0
    paid_rate = write_rate if longer is None else longer
    net_usd = (read * (ordinary - read_rate) - written * (paid_rate - ordinary)) / _TOKENS_PER_MTOK
    # A different tier, or mixed lifetimes in one request, are billed differently.
    sums.is_priced &= call.net_usd is not None and abs(net_usd - call.net_usd) <= _ROUNDING * abs(net_usd)
    if is_longer:
        sums.cost_usd += written * (paid_rate - write_rate) / _TOKENS_PER_MTOK
    if is_late:
        sums.saved_usd += read * (write_rate - read_rate) / _TOKENS_PER_MTOK


def _policy(call: CallRecord) -> CachePolicy:
    return policy_for(call.provider or "", call.model or "")
