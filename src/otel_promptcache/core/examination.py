"""One prompt against what was sent before it: opened when it is sent, judged when it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from otel_promptcache.core.boundaries import exact_boundaries
from otel_promptcache.core.comparison import Cutter, SegmentSource, compare
from otel_promptcache.core.diagnosis import CONTENT_REASONS, Evidence, MissReason, MissSource, diagnose
from otel_promptcache.core.divergence import DivergenceKind
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.expectation import Expectation, estimated_offset_tokens, expect
from otel_promptcache.core.index import PrefixIndex
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.sighting import SentPrompt, Sighting
from otel_promptcache.core.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt parts from the earlier one that it is compared with."""

    path: str
    kind: DivergenceKind | None = None
    """None for a setting, which is no place in the prompt."""
    token: int | None = None
    """Estimated offset; None likewise."""


class Change(NamedTuple):
    """One of several places where a prompt differs from the earlier one."""

    path: str
    kind: DivergenceKind
    token: int
    """Estimated offset."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a request read less than it could have; all None where it did not, or where it cannot be told."""

    expected_tokens: int | None = None
    """What the provider could have read for this very prompt."""
    avoidable_tokens: int | None = None
    """Content that was sent before, but stands where no prefix cache can reach it."""
    reason: MissReason | None = None
    source: MissSource | None = None
    missed_tokens: int | None = None
    """What was processed again for that reason; 0 for a prompt that nothing like it preceded."""
    place: Place | None = None
    changes: tuple[Change, ...] = ()
    """All places up to the first 1,024 tokens that did not change, at most five; empty if there is only one."""
    is_other_template: bool = False
    """The earlier prompt, which has most of this one's content, is of another template."""


class Examination:
    """What is known about one prompt while it is on its way."""

    def __init__(
        self,
        index: PrefixIndex,
        sent: SentPrompt,
        segments: SegmentSource,
        now_seconds: float,
        *,
        has_boundaries: bool = True,
        keeps_names: bool = False,
    ) -> None:
        """Compare the prompt with earlier ones and note that it is on its way; `close` has to follow.

        Args:
            index: What was sent before.
            sent: The prompt.
            segments: What it was hashed from; their text is looked at now and not kept.
            now_seconds: The present time.
            has_boundaries: False where the model is known not to have exact boundaries, which takes less time.
            keeps_names: Paths may have the names that the application gave to members of JSON values.
        """
        links = sent.prompt.links
        self._index = index
        self._sent = sent
        self._sent_at_seconds = now_seconds
        self._boundaries = exact_boundaries(links, sent.options) if has_boundaries else None
        readable = self._boundaries.readable if self._boundaries else ()
        self._trail = index.match_prefix(sent, now_seconds, readable)
        cutter = Cutter(index, links, segments, keeps_names=keeps_names)
        self._comparison = compare(index, sent, self._trail, cutter)
        self._pieces = cutter.pieces
        self._is_open = True
        writable = self._boundaries.writable if self._boundaries else ()
        self._departed = index.depart(sent, writable, self._trail.alive_links)

    @property
    def comparable_response_id(self) -> str | None:
        """The provider's name for the earlier response to compare with; None if there is none.

        It is told to nobody but the host, and on the account, that gave it.
        """
        earlier, sent = self._comparison.nearest if self._comparison else None, self._sent
        if earlier is None or earlier.scope.host != sent.scope.host or earlier.account != sent.account:
            return None
        response_id = earlier.response_id
        return response_id if response_id and response_id.startswith("resp") else None

    def answered(self, reply: Reply, policy: CachePolicy, now_seconds: float) -> None:
        """The provider has processed the prompt: later ones may be read from it. The first call counts."""
        if not self._is_open:
            return
        self.close()
        sent = self._sent
        self._sent = sent = SentPrompt(
            sent.prompt,
            sent.scope.served_by(reply.service_tier),
            sent.options,
            sent.fingerprint,
            reply.response_id,
            sent.account,
        )
        plain = Sighting(now_seconds, now_seconds + policy.lifetime(sent.options.retention))
        boundaries: dict[int, Sighting] = {}
        if policy.has_exact_boundaries and self._boundaries is not None:
            for index, is_marked in self._boundaries.writable:
                ttl = sent.prompt.links[index].breakpoint_ttl if is_marked else None
                until = {is_marked: now_seconds + policy.lifetime(ttl or sent.options.ttl)}
                left = boundaries.get(index, plain)
                boundaries[index] = left._replace(
                    boundary_until_seconds={**left.boundary_until_seconds, **until}
                )
        self._index.admit(sent, plain, boundaries, self._pieces)

    def close(self) -> None:
        """The prompt is not on its way any more; without `answered` it leaves no trace."""
        if self._is_open:
            self._is_open = False
            self._index.arrive(self._departed)

    def judge(self, usage: TokenUsage, said: ProviderDiagnosis | None, policy: CachePolicy) -> Diagnosis:
        """Say what could have been read, and why it was not.

        Args:
            usage: What was reported. Where the cached part was not, there is nothing to judge.
            said: The provider's own word; it wins.
            policy: The rules of the model that answered.
        """
        if usage.input_tokens is None or usage.cache_read_tokens is None:
            return Diagnosis()
        self._learn(usage, policy)
        # Another model may have answered than the one whose rules were asked for when the prompt was sent.
        has_other_rules = policy.has_exact_boundaries and self._boundaries is None
        if self._sent.options.is_continued or has_other_rules:
            # What the provider puts in front, or could read up to, is not known: there is nothing of ours to say.
            return self._by_provider(said, None, usage) or Diagnosis()
        expectation = expect(
            self._sent,
            self._trail,
            self._comparison,
            policy,
            self._boundaries.readable if self._boundaries else (),
            usage.input_tokens,
            usage.cache_read_tokens,
            self._sent_at_seconds,
        )
        diagnosis = self._by_provider(said, expectation, usage)
        return diagnosis or self._by_comparison(expectation, usage, policy)

    def _by_provider(
        self, said: ProviderDiagnosis | None, expectation: Expectation | None, usage: TokenUsage
    ) -> Diagnosis | None:
        if said is None or said.reason not in MissReason.__members__.values():
            return None
        return Diagnosis(
            expected_tokens=expectation and expectation.readable.tokens,
            avoidable_tokens=expectation and expectation.avoidable_tokens,
            reason=MissReason(said.reason),
            source=MissSource.PROVIDER,
            missed_tokens=said.missed_tokens,
            place=expectation and self._place(MissReason(said.reason), usage.input_tokens or 0),
        )

    def _by_comparison(self, expectation: Expectation, usage: TokenUsage, policy: CachePolicy) -> Diagnosis:
        if expectation.is_met:
            return Diagnosis(expectation.readable.tokens, expectation.avoidable_tokens)
        evidence = Evidence(
            sent=self._sent,
            nearest=self._comparison.nearest if self._comparison else None,
            divergence=self._comparison.divergence if self._comparison else None,
            expectation=expectation,
            policy=policy,
            input_tokens=usage.input_tokens or 0,
            read_tokens=usage.cache_read_tokens or 0,
            requests_last_minute=self._trail.requests_last_minute,
            has_lineage=self._trail.has_lineage,
        )
        finding = diagnose(evidence)
        return Diagnosis(
            expected_tokens=expectation.readable.tokens,
            avoidable_tokens=expectation.avoidable_tokens,
            reason=finding and finding.reason,
            source=finding and MissSource.CLIENT,
            missed_tokens=finding and finding.tokens,
            place=finding and self._place(finding.reason, usage.input_tokens or 0),
        )

    def _place(self, reason: MissReason, input_tokens: int) -> Place | None:
        divergence = self._comparison.divergence if self._comparison else None
        if divergence is None or reason not in CONTENT_REASONS:
            return None
        offset = estimated_offset_tokens(self._sent, divergence.offset_bytes, input_tokens)
        return Place(divergence.path, divergence.kind, offset)

    def _learn(self, usage: TokenUsage, policy: CachePolicy) -> None:
        """Note how many tokens the whole prompt has, and its last boundary: later estimates start from there."""
        links = self._sent.prompt.links
        if not links or usage.input_tokens is None or self._sent.options.is_continued:
            return
        tokens = {len(links) - 1: usage.input_tokens}
        if policy.has_exact_boundaries and usage.cache_write_tokens and self._boundaries:
            for position, _ in self._boundaries.writable[-1:]:
                tokens[position] = (usage.cache_read_tokens or 0) + usage.cache_write_tokens
        self._index.learn(self._sent, tokens)
