"""The fleet's memory as one request uses it: a fault there costs only what the fleet knows."""

from __future__ import annotations

from collections.abc import Mapping

from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.memory.nodes import AnsweredPrompt
from otel_promptcache.core.prompt.chain import Segments
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.fleet.call import FleetCall
from otel_promptcache.fleet.fleet import Fleet
from otel_promptcache.guard import Guard, guarded


class GuardedFleetCall:
    """One request and the fleet's memory, which it queries when it is sent and updates when it is answered."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._call: FleetCall | None = None
        """None if there was nothing to query, or a fault."""

    @property
    def is_new_variant(self) -> bool | None:
        """Whether the leading part is new to the fleet; None if that is unknown."""
        snapshot = self._call and self._call.snapshot
        return snapshot.is_new_variant if snapshot else None

    @guarded
    def sent(
        self,
        fleet: Fleet,
        examination: Examination,
        segments: Segments,
        prefix: PrefixIdentity,
        *,
        account: int,
        has_one_customer: bool,
    ) -> None:
        """Have the store queried, as `Fleet.sent` does."""
        self._call = fleet.sent(
            examination, segments, prefix, account=account, has_one_customer=has_one_customer
        )

    @guarded
    def answered(self, answered: AnsweredPrompt) -> None:
        """Note that the provider has processed the prompt."""
        if self._call is not None:
            self._call.answered(answered)

    @guarded
    def learned(self, tokens: Mapping[int, int]) -> None:
        """Note the tokens that were reported for prefixes of the prompt, by the links that end them."""
        if self._call is not None:
            self._call.learned(tokens)

    @guarded
    def closed(self, *, was_sent: bool) -> None:
        """The request has ended; one that was not sent never reached the provider."""
        if self._call is not None:
            self._call.closed(was_sent=was_sent)
