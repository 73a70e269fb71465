"""Compares one prompt with what was sent before it: opened when it is sent, judged when it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from otel_promptcache.core.comparison.comparison import (
    Cutter,
    SegmentSource,
    compare,
)
from otel_promptcache.core.comparison.joining import Lacking, View, join, lacking
from otel_promptcache.core.comparison.siblings import compare_with_sibling
from otel_promptcache.core.diagnosis.case import Case, History
from otel_promptcache.core.diagnosis.entries import Lookup, prefixes_left
from otel_promptcache.core.diagnosis.measured_tokens import measured_tokens
from otel_promptcache.core.diagnosis.reasons import TIME_DEPENDENT_REASONS, MissSource
from otel_promptcache.core.diagnosis.sharing import proof_of_others
from otel_promptcache.core.diagnosis.verdict import Diagnosis, judge, provider_verdict
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.memory.earlier import FleetSnapshot
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import AnsweredPrompt, CachedPrefix, SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import UNKNOWN_POLICY, CachePolicy
from otel_promptcache.core.prompt.boundaries import Boundaries, boundaries_of


class Examination:
    """What is known about one prompt while it is in flight."""

    def __init__(
        self,
        index: PrefixIndex,
        sent: SentPrompt,
        segments: SegmentSource,
        now_seconds: float,
        *,
        policy: CachePolicy = UNKNOWN_POLICY,
        keeps_names: bool = False,
        may_be_joined: bool = False,
    ) -> None:
        """Compare the prompt with earlier ones and note that it is in flight; `close` must follow.

        Args:
            index: What was sent before.
            sent: The prompt.
            segments: What it was hashed from; their text is read now and not kept.
            now_seconds: The current time.
            policy: The rules of the requested model.
            keeps_names: Paths may contain the names that the application gave to members of JSON values.
            may_be_joined: A snapshot of what a fleet knows may follow; until the answer, the texts of segments that are
                new to this process are kept for comparison with it.
        """
        links = sent.prompt.links
        self._index = index
        self.sent = sent
        """The prompt; once it is answered, with the scope in which it was served."""
        self.sent_at_seconds = now_seconds
        self.boundaries: Boundaries | None = None
        if policy.has_exact_boundaries or not policy.is_known:
            self.boundaries = boundaries_of(links, sent.options, policy)
        self._is_opt_in = policy.is_opt_in
        readable = self.boundaries.readable if self.boundaries else ()
        match = index.match_prefix(sent, now_seconds, readable)
        cutter = Cutter(index, links, segments, account=sent.account, keeps_names=keeps_names)
        comparison = compare(index, sent, match, cutter)
        has_lapsed = match.alive_links < match.known_links
        sibling = compare_with_sibling(index, sent, cutter, now_seconds) if has_lapsed else None
        self._own = View(match, comparison, sibling)
        self._joined: View | None = None
        self.cutter: Cutter | None = None
        """Cuts the segments that a snapshot may be compared with, while one may follow; None otherwise."""
        if may_be_joined:
            if has_lapsed:
                cutter.cut_up_to(sent.prompt.leading)
            self.cutter = cutter
        cutter.release()
        self._pieces = cutter.pieces
        self.learned_tokens: Mapping[int, int] = {}
        """What the provider reported for prefixes of the prompt, by the link that ends them."""
        self._is_in_flight = True
        self._is_put_aside = self._is_answered = False
        self.processed_seconds: float | None = None
        """Time from sending to when the prompt was processed; None if it has not been, or the time is unknown."""
        self._known_links = match.known_links
        writable = self.boundaries.writable if self.boundaries else ()
        self._in_flight = index.begin(sent, writable, match.alive_links)

    @property
    def comparable_response_id(self) -> str | None:
        """The provider's name for the earlier response to compare with; None if there is none.

        It is only ever sent to the host that gave it, on the same account.
        """
        comparison, sent = self._own.comparison, self.sent
        earlier = comparison.nearest if comparison else None
        if earlier is None or earlier.scope.host != sent.scope.host or earlier.account != sent.account:
            return None
        return earlier.response_id

    def lacking(self, known_links: int, alive_links: int) -> Lacking | None:
        """What a variant must have, if only that can add to what this process knows; called by a different thread.

        Args:
            known_links: How many links of the prompt the fleet knows.
            alive_links: How many of these are alive.
        """
        if (cutter := self.cutter) is None:  # nothing can be compared any more
            return Lacking((), None)
        return lacking(
            self._index, self.sent, self._own, cutter, known_links, alive_links, self.sent_at_seconds
        )

    def join(self, snapshot: FleetSnapshot) -> None:
        """Add what the fleet knew when the prompt was sent, unless that is answered. Called by a different thread."""
        if (cutter := self.cutter) is not None:
            view = join(self._index, self.sent, self._own, cutter, snapshot, self.sent_at_seconds)
            self._joined = view if self._is_in_flight else None

    @property
    def is_joined(self) -> bool:
        """Whether what the fleet knew is part of the judgement."""
        return self._joined is not None

    def answered(
        self, reply: Reply, policy: CachePolicy, now_seconds: float, usage: TokenUsage | None = None
    ) -> AnsweredPrompt | None:
        """Note that the provider has processed the prompt, so that later ones can reuse it. The first call counts.

        Args:
            reply: What the answer says so far.
            policy: The rules of the model that answered.
            now_seconds: When this became known.
            usage: What was reported; None if nothing was reported yet.

        Returns:
            What it leaves at the provider; None if this was noted before.
        """
        if self._is_answered:
            return None
        self._is_answered = True
        if not self._is_put_aside:
            self.processed_seconds = now_seconds - self.sent_at_seconds
        self.close()
        asked_scope = self.sent.scope
        served_scope = asked_scope.served_by(reply.service_tier, reply.upstream)
        self.sent = sent = replace(self.sent, scope=served_scope, response_id=reply.response_id)
        from_seconds = self.sent_at_seconds if policy.lives_from_request else now_seconds
        plain = CachedPrefix(now_seconds, from_seconds + policy.lifetime(sent.options.retention))
        boundaries: dict[int, CachedPrefix] = {}
        if self.boundaries is not None and self._has_same_rules(policy):
            lookup = Lookup(sent, (self._joined or self._own).match, self.boundaries, self.sent_at_seconds)
            boundaries = prefixes_left(self._index, lookup, policy, usage, from_seconds, plain)
        is_same_scope = served_scope is asked_scope
        self._known_links = self._index.admit(
            sent, plain, boundaries, self._pieces, None if is_same_scope else asked_scope
        )
        return AnsweredPrompt(sent, plain, boundaries)

    def _has_same_rules(self, policy: CachePolicy) -> bool:
        """Whether the boundaries were found by the rules of the model that answered, which may be a different one."""
        has_boundaries = policy.has_exact_boundaries and self.boundaries is not None
        return has_boundaries and policy.is_opt_in is self._is_opt_in

    def close(self) -> None:
        """Note that the prompt is no longer in flight; without `answered`, no later one is judged by it."""
        if self._is_in_flight:
            self._is_in_flight = False
            self.cutter = None
            self._index.finish(self._in_flight)
            if not self._is_answered:
                self._index.lose(self.sent)

    def put_aside(self) -> None:
        """Note that the provider will process the prompt at an unknown time."""
        self.close()
        self._is_put_aside = True

    def answered_elsewhere(self) -> None:
        """Note that the prompt never reached the provider, so it leaves no trace. The first call counts."""
        if not self._is_answered:
            self._is_answered = True
            self.close()
            self._index.uncount_start(self.sent, self.sent_at_seconds)

    def judge(
        self,
        usage: TokenUsage,
        said: ProviderDiagnosis | None,
        policy: CachePolicy,
        *,
        is_retried: bool = False,
    ) -> Diagnosis:
        """Say what could have been read, and why it was not.

        Args:
            usage: What was reported. Without the cached part there is nothing to judge.
            said: The provider's own diagnosis, which takes precedence.
            policy: The rules of the model that answered.
            is_retried: An earlier attempt failed, but may have reached the provider.
        """
        if usage.input_tokens is None or usage.cache_read_tokens is None:
            return Diagnosis()
        view = self._joined or self._own
        if not usage.has_further_readings:
            tokens = measured_tokens(
                self.sent, view.match, self.boundaries, self.sent_at_seconds, policy, usage
            )
            if tokens:
                self.learned_tokens = tokens
                self._index.learn(self.sent, tokens)
        # A different model may have answered than the one whose rules applied when the prompt was sent.
        unread_tokens = usage.input_tokens - usage.cache_read_tokens
        asks_for_nothing = policy.is_opt_in and not self.sent.is_marked
        if asks_for_nothing:
            # If anything was read or written, an intermediary has marked it, at an unknown place.
            has_unknown_boundaries = bool(usage.cache_read_tokens or usage.cache_write_tokens)
        else:
            has_unknown_boundaries = policy.has_exact_boundaries and not self._has_same_rules(policy)
        if self.sent.options.is_continued or usage.has_further_readings or has_unknown_boundaries:
            # What the provider prepends, or how far it could read, is unknown: we have nothing to add.
            return (said and provider_verdict(said, unread_tokens)) or Diagnosis()
        case = Case(
            sent=self.sent,
            match=view.match.measured(self.learned_tokens),
            policy=policy,
            boundaries=self.boundaries.readable if self.boundaries else (),
            input_tokens=usage.input_tokens,
            read_tokens=usage.cache_read_tokens,
            now_seconds=self.sent_at_seconds,
            asks_for_nothing=asks_for_nothing,
            has_written=usage.cache_write_tokens != 0,
            history=History.PROCESS if self._joined is None else History.FLEET,
        )
        if not is_retried and self._own.match.known_links < len(self.sent.prompt.links) - 1:
            self._learn_of_others(replace(case, match=self._own.match))
        diagnosis = judge(case, view.comparison, view.sibling, said)
        is_dated = diagnosis.reason in TIME_DEPENDENT_REASONS and diagnosis.source is MissSource.CLIENT
        # What was readable, and what else was in flight, when the provider got to it is unknown.
        return Diagnosis() if self._is_put_aside and is_dated else diagnosis

    def _learn_of_others(self, case: Case) -> None:
        """Note if the answer shows that other processes also send the prompt. Losses are judged by prior knowledge."""
        proof = proof_of_others(case, self._own.comparison, self._known_links)
        if proof is not None and not self._index.may_have_sent(proof.unsent, case.sent):
            self._index.share(case.sent, proof.links)
