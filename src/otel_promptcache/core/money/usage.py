"""What a provider reported about the tokens of one request."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum

MODALITIES = ("audio", "image", "video")
"""Kinds of input other than text, which may be billed separately."""
TEXT_ALONE: frozenset[str] = frozenset()

MAX_TOKENS = 10**9
"""Tokens, more than any context window has: a larger count is impossible."""


LifetimeTokens = tuple[tuple[str, int], ...]
"""Lifetimes, as the provider names them, such as `1h`, each with a number of tokens."""


class UsageError(str, Enum):
    """Why reported usage is impossible."""

    CACHE_EXCEEDS_INPUT = "cache_exceeds_input"
    """More tokens were read and written than the input has: some gateways leave the cached ones out of the input."""
    INVALID_COUNT = "invalid_count"


class InvalidUsageError(ValueError):
    """The reported counts contradict each other or are not counts at all."""

    def __init__(self, message: str, error: UsageError = UsageError.INVALID_COUNT) -> None:
        super().__init__(message)
        self.error = error

    @property
    def explanation(self) -> str:
        """What this means for the figures, without any value from the answer."""
        if self.error is UsageError.CACHE_EXCEEDS_INPUT:
            return (
                "more tokens were cached than the input has, so nothing can be computed: this gateway reports "
                "cached tokens separately from the input"
            )
        return "the reported usage is impossible, so nothing can be computed from it"


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Token counts as reported: None means *not reported*, 0 is a measured zero.

    `input_tokens` includes what was read from and written to the cache, as OpenAI reports it and
    OpenTelemetry requires it. Counts that a provider reports separately are normalised before they get here.

    Raises:
        InvalidUsageError: A count is negative, too large or not an int, or the parts exceed their whole.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Part of `output_tokens`."""
    cache_read_tokens: int | None = None
    """Part of `input_tokens` that was served from the cache."""
    cache_write_tokens: int | None = None
    """Part of `input_tokens` that was written to the cache; never overlaps with the read part."""
    written_by_lifetime: LifetimeTokens | None = None
    """`cache_write_tokens` by lifetime. Tokens not listed were written with the provider's default."""
    compactions: tuple[TokenUsage, ...] | None = None
    """Further prompts that were processed for the request and are not in these counts."""
    modalities: frozenset[str] = TEXT_ALONE
    """Which of `MODALITIES` the input has, as far as known."""
    has_further_readings: bool = False
    """The prompt was processed more than once for the request, and the counts are totals."""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            count = getattr(self, name)
            # Written out instead of calling `is_token_count`, as every answer has several counts.
            if count is not None and (type(count) is not int or not 0 <= count <= MAX_TOKENS):
                # The value itself may be too long to be shown.
                raise InvalidUsageError(f"{name}: expected an integer from 0 to {MAX_TOKENS:,}, or null")
        total, written = self.input_tokens, self.cache_write_tokens
        parts = (self.cache_read_tokens or 0) + (written or 0)
        if total is not None and parts > total:
            raise InvalidUsageError(
                f"cache_read_tokens + cache_write_tokens is {parts}, more than input_tokens ({total})",
                UsageError.CACHE_EXCEEDS_INPUT,
            )
        if self.written_by_lifetime:
            self._check_lifetimes(self.written_by_lifetime)

    def _check_lifetimes(self, written: LifetimeTokens) -> None:
        for lifetime, count in written:
            if not is_token_count(count):
                raise InvalidUsageError(
                    f"tokens written for {lifetime}: expected an integer from 0 to {MAX_TOKENS:,}"
                )
        by_lifetime, total = sum([count for _, count in written]), self.cache_write_tokens
        if total is not None and by_lifetime > total:
            raise InvalidUsageError(
                f"{by_lifetime} tokens were written by lifetime, more than cache_write_tokens ({total})"
            )

    def updated(self, later: TokenUsage) -> TokenUsage:
        """Merge a later event: what it reports wins, what it leaves out stays.

        Raises:
            InvalidUsageError: The merged counts are impossible.
        """
        merged = {name: getattr(later, name) for name in _MERGED if getattr(later, name) is not None}
        if not merged:
            return self
        return replace(self, modalities=self.modalities | later.modalities, **merged)

    @property
    def uncached_tokens(self) -> int | None:
        """Input tokens neither read nor reported as written; None if the split was not reported."""
        if self.input_tokens is None or self.cache_read_tokens is None:
            return None
        return self.input_tokens - self.cache_read_tokens - (self.cache_write_tokens or 0)

    @property
    def hit_ratio(self) -> float | None:
        """Share of the input that was read from the cache, 0 to 1; None unless both were reported."""
        if not self.input_tokens or self.cache_read_tokens is None:
            return None
        return self.cache_read_tokens / self.input_tokens


def is_token_count(value: object) -> bool:
    """Tell whether a value can be a number of tokens."""
    return type(value) is int and 0 <= value <= MAX_TOKENS


_COUNTS = tuple(field.name for field in fields(TokenUsage) if field.name.endswith("_tokens"))
_MERGED = (*_COUNTS, "written_by_lifetime", "compactions")
