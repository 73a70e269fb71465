"""One request and the fleet's memory: queried when it is sent, updated when it is answered, never waited for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from otel_promptcache.core.comparison.comparison import SegmentSource
from otel_promptcache.core.comparison.divergence import CutSegment
from otel_promptcache.core.comparison.joining import Lacking
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.memory.earlier import FleetSnapshot, Variant
from otel_promptcache.core.memory.nodes import AnsweredPrompt, CachedPrefix
from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.fleet.memory import FleetMemory
from otel_promptcache.fleet.prompt import FleetPrompt
from otel_promptcache.fleet.snapshot import SnapshotReader
from otel_promptcache.fleet.store import (
    HASH_BYTES,
    LEAVES_MARKED,
    LEAVES_UNMARKED,
    Found,
    FoundVariant,
    Left,
    Query,
    Update,
    VariantUpdate,
)
from otel_promptcache.fleet.telling import Known, news_of, tokens_to_write, variant_of
from otel_promptcache.fleet.variants import VariantReader

_LEAVES = LEAVES_MARKED | LEAVES_UNMARKED


class FleetCall:
    """One request. Made and notified by the thread that sends it; polled by the thread that talks to the store."""

    def __init__(
        self,
        memory: FleetMemory,
        examination: Examination,
        segments: SegmentSource,
        *,
        account: int,
        answers: bytes | None,
        digest: str | None,
        submit: Callable[[FleetCall, bool], None],
    ) -> None:
        """Name the prompt for the fleet, and have the store queried.

        Args:
            memory: What the process knows of the fleet.
            examination: The examination of the prompt, which has links.
            segments: What it was hashed from; those that are new are read now.
            account: The account that it is sent on, as the fleet distinguishes accounts.
            answers: The template and the account, if the newest answer is wanted.
            digest: Of the leading part, if it is new to the process.
            submit: Has the store queried or updated: soon, or along with something else.
        """
        self._memory = memory
        self._submit = submit
        self._examination = examination
        self._prompt = FleetPrompt(memory, examination.sent, segments, account)
        self._answers, self._digest = answers, digest
        cutter = examination.cutter
        self._cut: Mapping[int, CutSegment] = cutter.cut_segments if cutter else {}
        self._id = b""
        """Names the request in the store; empty if that was not queried."""
        self._known: Known | None = None
        self._answered: AnsweredPrompt | None = None
        self._tokens: Mapping[int, int] = {}
        self.is_over = self._is_told = False
        self._is_news = True
        """Others may be waiting for its end: not all of it was known to be alive when it was sent."""
        self._was_sent = True
        self.snapshot: FleetSnapshot | None = None
        """What the fleet knew, once that is known."""
        submit(self, True)  # noqa: FBT003  # soon

    # Called by the thread that sends.

    def answered(self, answered: AnsweredPrompt) -> None:
        """Note that the provider has processed the prompt; the first call counts."""
        if not self.is_over:
            self._answered = answered
            self._end()

    def learned(self, tokens: Mapping[int, int]) -> None:
        """Note the tokens that were reported for prefixes of the prompt."""
        if tokens and self._answered is not None:
            self._tokens = tokens
            if self._is_told:
                self._submit(self, False)  # noqa: FBT003  # not soon

    def closed(self, *, was_sent: bool = True) -> None:
        """End the request, unless it has ended, without an answer. The provider may never have received it."""
        if not self.is_over:
            self._was_sent = was_sent
            self._end()

    def let_go(self) -> None:
        """Release all text: what the store knows comes too late for this request."""
        self._cut = {}
        self._examination.cutter = None

    def _end(self) -> None:
        self.is_over = True
        self._submit(self, self._is_news)

    # Called by the thread that talks to the store.

    def next_operation(self) -> Query | Update | None:
        """The next query or update for the store; None if there is none."""
        if not self._prompt.find_names():
            return None
        if self.is_over:
            # First: tokens that are learned from now on are submitted again.
            was_told, self._is_told = self._is_told, True
            update = Update(tokens=self._new_tokens()) if was_told else self._update()
            return None if update.is_empty else update
        return None if self._id else self._query()

    def found(self, found: Found) -> bool:
        """Take what the store knows; return whether it came in time."""
        memory, sent = self._memory, self._prompt.sent
        offset_seconds = memory.clock() - found.now / 1_000
        self._known = Known(found, offset_seconds)
        self._is_news = bool(self._flights())
        if self._answers and found.response_id:
            memory.learn_answer(self._answers, found.response_id)
        if self.is_over:
            return False
        reader = SnapshotReader(
            sent.prompt.links, self._prompt.positions, sent.scope, memory.scopes, offset_seconds
        )
        read_variant = _no_variant
        if found.variants:
            read_variant = self._variant_reader(reader.links_in(found.known), reader.links_in(found.alive))
        self.snapshot = reader.read(found, read_variant)
        self._examination.join(self.snapshot)
        return self._examination.is_joined

    def written(self, *, lacks_segments: bool) -> None:
        """The store was updated; note whether it has lost the segments of the variant."""
        if lacks_segments and self._prompt.variant is not None:
            self._memory.wanted.add(self._prompt.variant)

    def _query(self) -> Query:
        memory, prompt, examination = self._memory, self._prompt, self._examination
        self._id = os.urandom(HASH_BYTES)
        scope = memory.scopes.encode(prompt.sent.scope)
        return Query(
            chain=prompt.chain,
            roles=prompt.roles(examination.boundaries),
            has_boundaries=examination.boundaries is not None,
            scope=scope,
            call=self._id,
            start=memory.hashes.hash(scope + prompt.routing, b"start"),
            age_seconds=memory.clock() - examination.sent_at_seconds,
            template=prompt.template,
            answers=self._answers,
            enough=prompt.enough,
            held=memory.held.of(prompt.template),
            digest=bytes.fromhex(self._digest)[:HASH_BYTES] if self._digest else None,
            pieces=prompt.sample(self._cut) if self._digest else (),
        )

    def _variant_reader(
        self, known_links: int, alive_links: int
    ) -> Callable[[FoundVariant, CacheScope, CachedPrefix], Variant | None]:
        memory, prompt = self._memory, self._prompt
        reader = VariantReader(prompt.sent, prompt.template, memory.hashes, memory.pieces, self._cut.values())
        lacking = self._examination.lacking(known_links, alive_links)
        behind = Lacking(prompt.sent.prompt.links[known_links:], None)

        def read(found: FoundVariant, scope: CacheScope, cached: CachedPrefix) -> Variant | None:
            if (body := memory.held.body(found)) is None:
                return None
            # One that shares only its start with the prompt, and nothing else, says nothing about it.
            wanted = behind if found.variant == prompt.variant else lacking
            if wanted is not None and not reader.has_any(body, wanted):
                return None
            return reader.read(body, scope, cached)

        return read

    def _update(self) -> Update:
        memory, prompt, answered = self._memory, self._prompt, self._answered
        asked_scope = memory.scopes.encode(prompt.sent.scope)
        scope, response_id = asked_scope, None
        chain: tuple[bytes, ...] = ()
        left: tuple[Left, ...] = ()
        variant: VariantUpdate | None = None
        age_seconds = life_seconds = 0.0
        if answered is not None:
            at = answered.everywhere.at_seconds
            age_seconds = memory.clock() - at
            life_seconds = answered.everywhere.alive_until_seconds - at
            scope, response_id = memory.scopes.encode(answered.sent.scope), answered.sent.response_id
            chain, left = news_of(prompt, answered, scope, self._known)
            variant = variant_of(memory, prompt, answered, scope, self._known, self._cut)
        self._cut = {}
        starts = int(self._was_sent) - bool(self._id)
        return Update(
            scope=scope,
            age_seconds=age_seconds,
            life_seconds=life_seconds,
            chain=chain,
            left=left,
            tokens=self._new_tokens(),
            call=self._id,
            asked_scope=asked_scope,
            flights=self._flights() if self._id else (),
            variant=variant,
            answers=self._answers,
            response_id=response_id if response_id and response_id.startswith("resp") else None,
            start=memory.hashes.hash(asked_scope + prompt.routing, b"start") if starts else b"",
            start_age_seconds=memory.clock() - self._examination.sent_at_seconds,
            starts=starts,
        )

    def _new_tokens(self) -> tuple[tuple[bytes, int], ...]:
        tokens, self._tokens = self._tokens, {}
        return tokens_to_write(self._prompt, tokens, self._known)

    def _flights(self) -> tuple[bytes, ...]:
        """The prefixes at which the store has noted that the request is in flight."""
        alive = self._known.found.alive if self._known else 0
        chain, boundaries = self._prompt.chain, self._examination.boundaries
        if boundaries is None:
            return tuple(chain[alive:])
        roles = self._prompt.roles(boundaries)
        return tuple([each for at, each in enumerate(chain) if at >= alive or roles[at] & _LEAVES])


def _no_variant(*_: object) -> None:
    return None
