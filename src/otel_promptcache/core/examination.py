"""One prompt against what was sent before it: opened when it is sent, judged when it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otel_promptcache.core.boundaries import exact_boundaries
from otel_promptcache.core.chain import hash_prompt
from otel_promptcache.core.comparison import Cutter, compare
from otel_promptcache.core.diagnosis import CONTENT_REASONS, Evidence, MissReason, MissSource, diagnose
from otel_promptcache.core.divergence import DivergenceKind
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.expectation import Expectation, estimated_offset_tokens, expect
from otel_promptcache.core.index import PrefixIndex, SentPrompt, Sighting
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt import CacheOptions, CacheScope, Segment, SegmentKind
from otel_promptcache.core.usage import TokenUsage


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt parts from the earlier one that it is compared with."""

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


class Examination:
    """What is known about one prompt while it is on its way."""

    def __init__(
        self,
        index: PrefixIndex,
        segments: Sequence[Segment],
        scope: CacheScope,
        options: CacheOptions,
        fingerprint: str,
        now_seconds: float,
    ) -> None:
        """Compare the prompt with earlier ones and note that it is on its way; `close` has to follow.

        The segments' text is looked at now and not kept.
        """
        if options.is_continued:  # what the provider puts in front of the items is not known
            segments = [segment for segment in segments if segment.kind is not SegmentKind.ITEM]
        self._index = index
        self._sent = SentPrompt(hash_prompt(segments), scope, options, fingerprint)
        self._sent_at_seconds = now_seconds
        self._trail = index.match_prefix(self._sent, now_seconds)
        cutter = Cutter(self._sent.prompt.links, segments)
        self._comparison = compare(index, self._sent, cutter)
        self._pieces = cutter.pieces
        self._is_open = True
        index.depart(self._sent)

    @property
    def comparable_response_id(self) -> str | None:
        """The provider's name for the earlier response to compare with; None where there is none."""
        earlier = self._comparison.nearest.response_id if self._comparison else None
        return earlier if earlier and earlier.startswith("resp") else None

    def answered(self, reply: Reply, policy: CachePolicy, now_seconds: float) -> None:
        """The provider has processed the prompt: later ones may be read from it. The first call counts."""
        if not self._is_open:
            return
        self.close()
        self._sent = replace(
            self._sent, scope=self._sent.scope.served_by(reply.service_tier), response_id=reply.response_id
        )
        options = self._sent.options
        alive_until = now_seconds + policy.lifetime(options.retention)
        plain = Sighting(now_seconds, alive_until)
        sightings = [plain] * len(self._sent.prompt.links)
        if policy.has_exact_boundaries:
            for index, is_marked in exact_boundaries(self._sent.prompt.links, options).writable:
                ttl = self._sent.prompt.links[index].breakpoint_ttl if is_marked else None
                until = {is_marked: now_seconds + policy.lifetime(ttl or options.ttl)}
                sightings[index] = replace(
                    plain, boundary_until_seconds={**sightings[index].boundary_until_seconds, **until}
                )
        self._index.admit(self._sent, sightings, self._pieces)

    def close(self) -> None:
        """The prompt is not on its way any more; without `answered` it leaves no trace."""
        if self._is_open:
            self._is_open = False
            self._index.arrive(self._sent)

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
        if self._sent.options.is_continued:
            # What the provider puts in front is not known, so there is nothing of ours to say.
            return self._by_provider(said, None, usage) or Diagnosis()
        expectation = expect(
            self._sent,
            self._trail,
            self._comparison,
            policy,
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
        if policy.has_exact_boundaries and usage.cache_write_tokens:
            writable = exact_boundaries(links, self._sent.options).writable
            if writable:
                tokens[writable[-1].position] = (usage.cache_read_tokens or 0) + usage.cache_write_tokens
        self._index.learn(self._sent, tokens)
