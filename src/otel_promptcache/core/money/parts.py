"""Usage of a provider that reports the cached tokens separately from the input, not as part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from otel_promptcache.core.money.usage import LifetimeTokens, TokenUsage, is_token_count


@dataclass(frozen=True, slots=True)
class UsageInParts(TokenUsage):
    """Counts whose input is the sum of its parts, recomputed when a later message reports one of them.

    Built by `usage_in_parts`, which computes the sum.
    """

    uncached_input_tokens: int | None = None
    """Input that was neither read nor written."""

    def updated(self, later: TokenUsage) -> TokenUsage:
        """Merge a later message: each part that it reports wins, what it leaves out stays.

        Raises:
            InvalidUsageError: The merged counts are impossible.
        """
        if not isinstance(later, UsageInParts):
            return later
        merged = usage_in_parts(
            uncached_input_tokens=_later(self.uncached_input_tokens, later.uncached_input_tokens),
            cache_read_tokens=_later(self.cache_read_tokens, later.cache_read_tokens),
            cache_write_tokens=_later(self.cache_write_tokens, later.cache_write_tokens),
            written_by_lifetime=self._written_by_lifetime(later),
            output_tokens=_later(self.output_tokens, later.output_tokens),
            reasoning_tokens=_later(self.reasoning_tokens, later.reasoning_tokens),
            compactions=later.compactions or self.compactions,
            has_further_readings=self.has_further_readings or later.has_further_readings,
        )
        modalities = self.modalities | later.modalities
        return replace(merged, modalities=modalities) if modalities else merged

    def _written_by_lifetime(self, later: UsageInParts) -> LifetimeTokens | None:
        """Of the merged counts: a later total without lifetimes may be a different one."""
        earlier, total = self.written_by_lifetime, later.cache_write_tokens
        if later.written_by_lifetime or earlier is None or total in (None, self.cache_write_tokens):
            return later.written_by_lifetime or earlier
        lifetimes = [lifetime for lifetime, tokens in earlier if tokens]
        if total and len(lifetimes) == 1:
            return ((lifetimes[0], total),)
        return earlier if total and total >= sum([tokens for _, tokens in earlier]) else None


def usage_in_parts(
    *,
    uncached_input_tokens: int | None,
    cache_read_tokens: int | None,
    cache_write_tokens: int | None,
    written_by_lifetime: LifetimeTokens | None = None,
    output_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    compactions: tuple[TokenUsage, ...] | None = None,
    has_further_readings: bool = False,
) -> UsageInParts:
    """Combine counts.

    The input is the sum of the parts that were reported. It is unknown if the uncached part was not reported.

    Raises:
        InvalidUsageError: A count is negative, too large or not an int, or the lifetimes exceed what was written.
    """
    cached = [count for count in (cache_read_tokens, cache_write_tokens) if count is not None]
    input_tokens = uncached_input_tokens
    if input_tokens is not None and all(map(is_token_count, (input_tokens, *cached))):
        input_tokens += sum(cached)
    return UsageInParts(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        reasoning_tokens=reasoning_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=cache_write_tokens,
        written_by_lifetime=written_by_lifetime,
        compactions=compactions,
        has_further_readings=has_further_readings,
        uncached_input_tokens=uncached_input_tokens,
    )


def _later(earlier: int | None, later: int | None) -> int | None:
    return earlier if later is None else later
