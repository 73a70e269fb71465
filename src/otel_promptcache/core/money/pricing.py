"""What the input of a request was billed at, and how the prompt cache changed that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from otel_promptcache.core.quoting import quoted

if TYPE_CHECKING:
    from otel_promptcache.core.money.usage import LifetimeTokens, TokenUsage

DEFAULT_TIER = "default"
STANDARD_TIERS = frozenset({DEFAULT_TIER, "auto", "standard"})
"""The names under which a response reports the tier that is billed at the standard price."""

_TOKENS_PER_MTOK = 1_000_000
_MAX_USD_PER_MTOK = 1_000_000_000
"""Anything above is not a price, and sums of dollars would lose their cents."""
_DEFAULT_LIFETIMES = frozenset({"5m", "30m"})
"""Lifetimes that a provider uses if a request names none. Their price is `cache_write`.

Sources: Anthropic, prompt caching; OpenAI, prompt caching guide (checked 2026-11-25).
"""


class InvalidPriceError(ValueError):
    """A price is not an amount of dollars, or contradicts another price of the same model."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model's input tokens cost, in USD per million tokens.

    A read never costs more than ordinary input and a write never less: neither savings nor
    surcharges can be negative.

    Raises:
        InvalidPriceError: A rate is not a number from 0 to 10^9, or is on the wrong side of `input`.
    """

    input_usd_per_mtok: float
    """Ordinary input: neither read from the cache nor written to it."""
    cache_read_usd_per_mtok: float | None = None
    """None means no discount: reads are billed like ordinary input."""
    cache_write_usd_per_mtok: float | None = None
    """With the default lifetime. None means no extra charge: writes are billed like ordinary input."""
    cache_write_usd_per_mtok_by_lifetime: Mapping[str, float] = field(default_factory=dict[str, float])
    """With longer lifetimes. A request that wrote with one not listed here cannot be priced."""
    long_context: LongContext | None = None
    billed_apart: frozenset[str] = frozenset()
    """Which of `MODALITIES` have rates of their own: a request with such input cannot be priced."""

    def __post_init__(self) -> None:
        ordinary = _rate("input", self.input_usd_per_mtok)
        read = self.cache_read_usd_per_mtok
        if read is not None and _rate("cache_read", read) > ordinary:
            raise InvalidPriceError(
                f"cache_read is {quoted(read)}: expected at most input, {quoted(ordinary)}"
            )
        writes = {"cache_write": self.cache_write_usd_per_mtok}
        for lifetime, rate in self.cache_write_usd_per_mtok_by_lifetime.items():
            writes[f"cache_write_{lifetime}"] = rate
        for name, write in writes.items():
            if write is not None and _rate(name, write) < ordinary:
                raise InvalidPriceError(
                    f"{name} is {quoted(write)}: expected at least input, {quoted(ordinary)}"
                )


@dataclass(frozen=True, slots=True)
class LongContext:
    """The prices of a request with more input than a threshold; they apply to *all* of its tokens.

    Raises:
        InvalidPriceError: The threshold is not a positive integer, or a further one is not above it.
    """

    above_tokens: int
    """Input tokens, cached ones included. A request of exactly this length is still a short one."""
    price: ModelPrice
    """May have a further step of its own."""

    def __post_init__(self) -> None:
        above, further = self.above_tokens, self.price.long_context
        if type(above) is not int or above < 1:
            raise InvalidPriceError(f"above_tokens is {quoted(above)}: expected an integer of at least 1")
        if further is not None and further.above_tokens <= above:
            raise InvalidPriceError(
                f"above_tokens is {quoted(further.above_tokens)}: expected more than {quoted(above)}"
            )


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The input of one request, in USD.

    The cost is that of the whole input as ordinary input, less the savings, plus the surcharge.
    """

    input_cost_usd: float
    """What was billed for the input."""
    savings_usd: float
    """Gross: how much more the tokens read from the cache would have cost as ordinary input."""
    write_surcharge_usd: float
    """How much more the tokens written to the cache cost than ordinary input."""

    @property
    def net_savings_usd(self) -> float:
        """Savings less the surcharge: negative if writing cost more than reading saved."""
        return self.savings_usd - self.write_surcharge_usd

    def plus(self, other: CostBreakdown) -> CostBreakdown:
        """The sum of the two."""
        return CostBreakdown(
            self.input_cost_usd + other.input_cost_usd,
            self.savings_usd + other.savings_usd,
            self.write_surcharge_usd + other.write_surcharge_usd,
        )


def cost(usage: TokenUsage, price: ModelPrice) -> CostBreakdown | None:
    """Price the input of a request in USD, without guessing.

    Written tokens without a reported lifetime count as written with the default one. Compactions are included.

    Returns:
        None if the dollars cannot be known: the input or the part read from the cache was not
        reported; the written part was not, and the model charges for it; something was written with a longer
        lifetime, and its price is not known; or the input has parts of a kind that is billed separately.
    """
    if price.billed_apart and not price.billed_apart.isdisjoint(usage.modalities):
        return None
    tokens, read, written = usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens
    if tokens is None or read is None:
        return None
    short_context = price
    while (step := price.long_context) is not None and tokens > step.above_tokens:
        price = step.price

    ordinary = price.input_usd_per_mtok
    read_rate = ordinary if (rate := price.cache_read_usd_per_mtok) is None else rate
    write_rate = ordinary if (rate := price.cache_write_usd_per_mtok) is None else rate
    rates = price.cache_write_usd_per_mtok_by_lifetime
    if written is None and max(write_rate, *rates.values(), 0.0) > ordinary:
        return None
    longer_tokens, surcharge = 0, 0.0
    for lifetime, count in usage.written_by_lifetime or ():
        if count and lifetime not in _DEFAULT_LIFETIMES:
            if lifetime not in rates:
                return None
            longer_tokens += count
            surcharge += count * (rates[lifetime] - ordinary)
    if written is not None:
        surcharge += (written - longer_tokens) * (write_rate - ordinary)

    # Only sums of terms that cannot be negative: rounding could make a difference of large sums negative.
    billed = (tokens - read) * ordinary + read * read_rate + surcharge
    own = CostBreakdown(
        input_cost_usd=billed / _TOKENS_PER_MTOK,
        savings_usd=read * (ordinary - read_rate) / _TOKENS_PER_MTOK,
        write_surcharge_usd=surcharge / _TOKENS_PER_MTOK,
    )
    return _with_compactions(own, usage.compactions, short_context) if usage.compactions else own


def _with_compactions(
    own: CostBreakdown, compactions: Sequence[TokenUsage], price: ModelPrice
) -> CostBreakdown | None:
    total = own
    for usage in compactions:
        further = cost(usage, price)
        if further is None:
            return None
        total = total.plus(further)
    return total


def missed_savings_usd(usage: TokenUsage, price: ModelPrice, missed_tokens: int) -> float | None:
    """How much less the input would have cost in USD if that many more of its tokens had been read from the cache.

    Tokens that were written would have been read instead, so their surcharge counts too.

    Returns:
        None if the dollars cannot be known, as in `cost`.
    """
    actual = cost(usage, price)
    if actual is None or usage.input_tokens is None or usage.cache_read_tokens is None:
        return None
    missed_tokens = min(missed_tokens, usage.input_tokens - usage.cache_read_tokens)
    written, by_lifetime = usage.cache_write_tokens, usage.written_by_lifetime
    still_written = None if written is None else max(0, written - missed_tokens)
    hoped = replace(
        usage,
        cache_read_tokens=usage.cache_read_tokens + missed_tokens,
        cache_write_tokens=still_written,
        written_by_lifetime=by_lifetime and _limited(by_lifetime, still_written or 0),
    )
    hoped_cost = cost(hoped, price)
    return None if hoped_cost is None else max(0.0, actual.input_cost_usd - hoped_cost.input_cost_usd)


def _limited(written: LifetimeTokens, limit: int) -> LifetimeTokens:
    """What remains of the writes if only that many tokens are still written; the longest lifetimes are kept first."""
    left: list[tuple[str, int]] = []
    for lifetime, count in sorted(written, key=lambda each: each[0] in _DEFAULT_LIFETIMES):
        left.append((lifetime, min(count, limit)))
        limit -= left[-1][1]
    return tuple(left)


def _rate(name: str, value: object) -> float:
    # NaN and infinities fail the comparison, and so does an int that no float can hold.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MAX_USD_PER_MTOK:
        return value
    is_dear = isinstance(value, (int, float)) and value > _MAX_USD_PER_MTOK
    expected = f"at most {_MAX_USD_PER_MTOK:,}" if is_dear else "a finite number of at least 0"
    raise InvalidPriceError(f"{name} is {quoted(value)}: expected USD per million tokens, {expected}")
