"""The rules that explain a miss: the first that applies gives the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otel_promptcache.core.comparison.divergence import Divergence
from otel_promptcache.core.diagnosis.expectation import Expectation
from otel_promptcache.core.diagnosis.reasons import MissReason
from otel_promptcache.core.diagnosis.token_estimates import Estimate
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.segments import SegmentKind


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the rules look at."""

    sent: SentPrompt
    nearest: SentPrompt | None
    divergence: Divergence | None
    expectation: Expectation
    policy: CachePolicy
    input_tokens: int
    read_tokens: int
    requests_last_minute: int
    has_lineage: bool
    is_other_template: bool = False
    """The earlier prompt that it is compared with is of a different template."""
    has_written: bool = True
    """Something was written to the cache, or it was not reported that nothing was."""

    @property
    def is_unwritten(self) -> bool:
        """The cache is opt-in, and it is reported that the request neither read nor wrote it."""
        return self.policy.is_opt_in and not self.has_written and not self.read_tokens

    @property
    def tolerance_tokens(self) -> int:
        """What may be missing without meaning anything."""
        return self.expectation.tolerance_tokens

    def lost(self, estimate: Estimate) -> int:
        """How many tokens could have been read but were not; 0 if the difference means nothing."""
        is_sure = estimate.sure_tokens - self.read_tokens > self.tolerance_tokens
        return estimate.tokens - self.read_tokens if is_sure else 0


@dataclass(frozen=True, slots=True)
class Miss:
    """A reason, and the tokens that were processed again because of it."""

    reason: MissReason
    tokens: int | None
    """None if unknown."""


Rule = Callable[[Evidence], Miss | None]

_SCOPE_REASONS = {
    "model": MissReason.MODEL_CHANGED,
    "cache_key": MissReason.PROMPT_CACHE_KEY_CHANGED,
    "service_tier": MissReason.SERVICE_TIER_CHANGED,
    "reasoning_effort": MissReason.REASONING_EFFORT_CHANGED,
    "verbosity": MissReason.VERBOSITY_CHANGED,
    "parallel_tool_calls": MissReason.TOOLS_CHANGED,
    "provider": MissReason.ENDPOINT_CHANGED,
    "host": MissReason.ENDPOINT_CHANGED,
    "upstream": MissReason.ENDPOINT_CHANGED,
    "settings": MissReason.SETTINGS_CHANGED,
}

_SEGMENT_REASONS = {
    SegmentKind.TOOL: MissReason.TOOLS_CHANGED,
    SegmentKind.FORMAT: MissReason.TEXT_FORMAT_CHANGED,
    SegmentKind.SETTING: MissReason.SETTINGS_CHANGED,
}


def diagnose(evidence: Evidence) -> Miss | None:
    """The first rule that applies; None if nothing significant was lost, or if the reason would be an assumption."""
    for rule in RULES:
        if (miss := rule(evidence)) is not None:
            return None if _is_assumed(miss, evidence.policy) else miss
    return None


def _is_assumed(miss: Miss, policy: CachePolicy) -> bool:
    """Whether a reason would rest on unpublished numbers."""
    if miss.reason is MissReason.EXPIRED:
        return not policy.has_published_lifetime
    return miss.reason is MissReason.PROVIDER and not policy.expects_reads


def _caching_disabled(evidence: Evidence) -> Miss | None:
    policy = evidence.policy
    has_only_marks = policy.is_opt_in or (policy.has_exact_boundaries and evidence.sent.options.is_explicit)
    if not has_only_marks or evidence.read_tokens or evidence.sent.is_marked:
        return None
    best = max(map(evidence.lost, (evidence.expectation.unmarked, evidence.expectation.elsewhere)))
    return Miss(MissReason.CACHING_DISABLED, best)


def _nothing_written(evidence: Evidence) -> Miss | None:
    """What precedes the last mark was too short to be written, or was long enough and still not written."""
    minimum_tokens = evidence.policy.minimum_tokens
    if not evidence.is_unwritten or not evidence.sent.is_marked or minimum_tokens is None:
        return None
    if evidence.expectation.marked_tokens < minimum_tokens:
        return Miss(MissReason.BELOW_MINIMUM, 0)
    return _miss(MissReason.PROVIDER, evidence.lost(evidence.expectation.unmarked))


def _shortfall(evidence: Evidence) -> Miss | None:
    """The provider should have read more: too many requests for one machine, or its own doing."""
    tokens = evidence.lost(evidence.expectation.readable)
    if not tokens:
        return None
    limit = evidence.policy.max_requests_per_minute
    is_crowded = limit is not None and evidence.requests_last_minute > limit
    return Miss(MissReason.RATE_OVERFLOW if is_crowded else MissReason.PROVIDER, tokens)


def _concurrent(evidence: Evidence) -> Miss | None:
    return _miss(MissReason.CONCURRENT, evidence.lost(evidence.expectation.in_flight))


def _expired(evidence: Evidence) -> Miss | None:
    return _miss(MissReason.EXPIRED, evidence.lost(evidence.expectation.lapsed))


def _scope_changed(evidence: Evidence) -> Miss | None:
    closest = evidence.expectation.closest_scope
    if closest is None:
        return None
    changed = evidence.sent.scope.differences(closest)[0]
    lost, lapsed = evidence.lost(evidence.expectation.elsewhere), evidence.lost(evidence.expectation.lapsed)
    if lapsed + evidence.tolerance_tokens >= lost:
        return None  # its own copy would have been enough, had it not expired
    return _miss(_SCOPE_REASONS[changed], lost)


def _mode_changed(evidence: Evidence) -> Miss | None:
    if evidence.policy.is_opt_in:  # a mark at the top is as good as one on a block
        return None
    if evidence.nearest is None or evidence.nearest.options.is_explicit == evidence.sent.options.is_explicit:
        return None
    return _miss(MissReason.MODE_CHANGED, evidence.lost(evidence.expectation.unmarked))


def content_changed(evidence: Evidence) -> Miss | None:
    """The application changed something that precedes content it sent before."""
    divergence, avoidable = evidence.divergence, evidence.expectation.avoidable_tokens
    if divergence is None or avoidable <= max(evidence.tolerance_tokens, evidence.policy.step_tokens or 0):
        return None
    before = max(evidence.read_tokens, evidence.expectation.shared_tokens)
    # A prefix that is too short to be cached even when nothing is spoiled is not a loss.
    is_too_short = before + avoidable < (evidence.policy.minimum_tokens or 0)
    # A name at the top, or a different tool, makes a different template whose rest is mostly the same text. A new
    # agent that shares some text with an existing one is not such a change.
    rest_tokens = evidence.input_tokens - evidence.expectation.shared_tokens
    is_new_agent = not evidence.has_lineage and 3 * evidence.expectation.moved_tokens < 2 * rest_tokens
    if is_too_short or is_new_agent:
        return None
    # In an opt-in cache, what precedes the change is lost as well, unless there is an entry that ends before it.
    lost_tokens = before + avoidable - evidence.read_tokens if evidence.policy.is_opt_in else avoidable
    if divergence.is_compaction:
        return Miss(MissReason.CONTEXT_COMPACTED, lost_tokens)
    if evidence.is_other_template:
        return Miss(MissReason.INPUT_CHANGED, lost_tokens)
    return Miss(_SEGMENT_REASONS.get(divergence.segment, MissReason.INPUT_CHANGED), lost_tokens)


def _mostly_unmarked(evidence: Evidence) -> Miss | None:
    """A missing breakpoint would have saved more than a change spoils."""
    missing = _no_matching_breakpoint(evidence) if evidence.policy.is_opt_in else None
    spoiled_tokens = evidence.expectation.avoidable_tokens
    return missing if missing is not None and (missing.tokens or 0) > spoiled_tokens else None


def _no_matching_breakpoint(evidence: Evidence) -> Miss | None:
    if not evidence.policy.has_exact_boundaries or evidence.is_unwritten:
        return None
    return _miss(MissReason.NO_MATCHING_BREAKPOINT, evidence.lost(evidence.expectation.unmarked))


def _nothing_to_read(evidence: Evidence) -> Miss | None:
    # What is shared but not yet a unit cannot be read under the rules, although it was sent before.
    is_between_units = evidence.policy.has_units and evidence.expectation.unmarked.tokens > 0
    if evidence.read_tokens > 0 or is_between_units:
        return None
    expectation, minimum_tokens = evidence.expectation, evidence.policy.minimum_tokens or 0
    # What other processes may have sent of it must be too short as well.
    is_short = max(expectation.shared_tokens, expectation.shareable_tokens) < minimum_tokens
    is_too_short = evidence.has_lineage and expectation.shared_tokens > 0 and is_short
    return Miss(MissReason.BELOW_MINIMUM if is_too_short else MissReason.COLD_START, 0)


RULES: tuple[Rule, ...] = (
    _caching_disabled,
    _nothing_written,
    _shortfall,
    _concurrent,
    _scope_changed,
    _expired,
    _mode_changed,
    _mostly_unmarked,
    content_changed,
    _no_matching_breakpoint,
    _nothing_to_read,
)


def _miss(reason: MissReason, tokens: int) -> Miss | None:
    return Miss(reason, tokens) if tokens else None
