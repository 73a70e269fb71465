"""What the input of a request was billed at, and what the prompt cache changed about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from otel_promptcache.core.quoting import named, quoted

if TYPE_CHECKING:
    from otel_promptcache.core.money.usage import TokenUsage

DEFAULT_TIER = "default"
STANDARD_TIERS = frozenset({DEFAULT_TIER, "auto", "standard"})
"""The names under which a response reports the tier that is billed at the standard price."""

_TOKENS_PER_MTOK = 1_000_000
_MAX_USD_PER_MTOK = 1_000_000_000
"""Beyond this it is no price, and sums of dollars would lose their cents."""
_FIELDS = ("input", "cache_read", "cache_write", "cache_write_12h", "long_context")


class InvalidPriceError(ValueError):
    """A price is no amount of dollars, or contradicts another one of the same model."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model's input tokens cost, in USD per million tokens.

    A read never costs more than ordinary input and a write never less: neither savings nor
    surcharges can be negative.

    Raises:
        InvalidPriceError: A rate is not a number from 0 to 10^9, or on the wrong side of `input`.
    """

    input_usd_per_mtok: float
    """Ordinary input: neither read from the cache nor written to it."""
    cache_read_usd_per_mtok: float | None = None
    """None says that there is no discount: reads are billed like ordinary input."""
    cache_write_usd_per_mtok: float | None = None
    """None says that there is no charge: writes are billed like ordinary input."""
    cache_write_12h_usd_per_mtok: float | None = None
    """None says *not known*: a request that wrote with the long lifetime cannot be priced."""
    long_context: LongContext | None = None
    billed_apart: frozenset[str] = frozenset()
    """Which of `MODALITIES` have rates of their own: a request with input of them cannot be priced."""

    def __post_init__(self) -> None:
        ordinary = _rate("input", self.input_usd_per_mtok)
        read = self.cache_read_usd_per_mtok
        if read is not None and _rate("cache_read", read) > ordinary:
            raise InvalidPriceError(
                f"cache_read is {quoted(read)}: expected at most input, {quoted(ordinary)}"
            )
        for name in ("cache_write", "cache_write_12h"):
            write = getattr(self, f"{name}_usd_per_mtok")
            if write is not None and _rate(name, write) < ordinary:
                raise InvalidPriceError(
                    f"{name} is {quoted(write)}: expected at least input, {quoted(ordinary)}"
                )


@dataclass(frozen=True, slots=True)
class LongContext:
    """The prices of a request with more input than a threshold; they hold for *all* of its tokens.

    Raises:
        InvalidPriceError: The threshold is not a positive integer, or a further one does not lie above it.
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

    The cost is what all of it would have been as ordinary input, less the savings, plus the surcharge.
    """

    input_cost_usd: float
    """What the input was billed at."""
    savings_usd: float
    """Gross: what the tokens read from the cache would have cost more as ordinary input."""
    write_surcharge_usd: float
    """What the tokens written to the cache cost more than ordinary input."""

    @property
    def net_savings_usd(self) -> float:
        """Savings less the surcharge: negative where writing cost more than reading saved."""
        return self.savings_usd - self.write_surcharge_usd


def cost(usage: TokenUsage, price: ModelPrice) -> CostBreakdown | None:
    """Price the input of a request in USD, never by a guess.

    Written tokens of which no lifetime was reported count as written with the default one.

    Returns:
        None where the dollars cannot be known: the input or the part read from the cache was not
        reported; the written part was not, and the model charges for it; something was written with the long
        lifetime, and its price is not known; or the input has parts of a kind that is billed apart.
    """
    if price.billed_apart and not price.billed_apart.isdisjoint(usage.modalities):
        return None
    tokens, read, written = usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens
    written_12h = usage.cache_write_12h_tokens or 0
    if tokens is None or read is None:
        return None
    while (step := price.long_context) is not None and tokens > step.above_tokens:
        price = step.price

    ordinary = price.input_usd_per_mtok
    read_rate = ordinary if (rate := price.cache_read_usd_per_mtok) is None else rate
    write_rate = ordinary if (rate := price.cache_write_usd_per_mtok) is None else rate
    write_12h_rate = price.cache_write_12h_usd_per_mtok
    if written is None:
        if max(write_rate, write_12h_rate or 0.0) > ordinary:
            return None
        written = written_12h
    surcharge = (written - written_12h) * (write_rate - ordinary)
    if written_12h:
        if write_12h_rate is None:
            return None
        surcharge += written_12h * (write_12h_rate - ordinary)

    # Only sums of what cannot be negative: rounding could take a difference of large sums below zero.
    billed = (tokens - read) * ordinary + read * read_rate + surcharge
    return CostBreakdown(
        input_cost_usd=billed / _TOKENS_PER_MTOK,
        savings_usd=read * (ordinary - read_rate) / _TOKENS_PER_MTOK,
        write_surcharge_usd=surcharge / _TOKENS_PER_MTOK,
    )


def missed_savings_usd(usage: TokenUsage, price: ModelPrice, missed_tokens: int) -> float | None:
    """What the input would have cost less in USD, had so many more of its tokens been read from the cache.

    Tokens that were written would have been read instead, so their surcharge counts, too.

    Returns:
        None where the dollars cannot be known, as in `cost`.
    """
    actual = cost(usage, price)
    if actual is None or usage.input_tokens is None or usage.cache_read_tokens is None:
        return None
    missed_tokens = min(missed_tokens, usage.input_tokens - usage.cache_read_tokens)
    written, written_12h = usage.cache_write_tokens, usage.cache_write_12h_tokens
    still_written = None if written is None else max(0, written - missed_tokens)
    hoped = replace(
        usage,
        cache_read_tokens=usage.cache_read_tokens + missed_tokens,
        cache_write_tokens=still_written,
        cache_write_12h_tokens=None if written_12h is None else min(written_12h, still_written or 0),
    )
    hoped_cost = cost(hoped, price)
    return None if hoped_cost is None else max(0.0, actual.input_cost_usd - hoped_cost.input_cost_usd)


def parse_prices(models: object, where: str = "prices") -> dict[str, dict[str, ModelPrice]]:
    """Read prices as people write them down: fields by model, in USD per million tokens.

    A model has the field `input`, and where they apply `cache_read`, `cache_write` and
    `cache_write_12h`; `long_context`, the same fields for requests with more input tokens than its
    `above_tokens`; and `tiers`, all these fields again for service tiers other than the standard one.

    Args:
        models: The mapping. Nothing about it is taken for granted.
        where: What to call it in an error.

    Returns:
        Prices by model, then by service tier; `DEFAULT_TIER` is always there.

    Raises:
        InvalidPriceError: A field is missing, unknown or out of range.
    """
    try:
        stated = _fields(where, models)
        return {model: _tiers(f"{where}: {named(model)}", entry) for model, entry in stated.items()}
    except RecursionError:
        raise InvalidPriceError(
            f"{where} has more long_context within long_context than can be read"
        ) from None


def _tiers(where: str, entry: object) -> dict[str, ModelPrice]:
    standard = _fields(where, entry, *_FIELDS, "tiers")
    others = _fields(f"{where}, tiers", standard.pop("tiers", {}))
    if double := sorted(STANDARD_TIERS.intersection(others)):
        raise InvalidPriceError(f"{where}, tiers: {double[0]} is the standard tier, stated beside `tiers`")
    prices = {tier: _price(f"{where}, tier {named(tier)}", fields) for tier, fields in others.items()}
    return {DEFAULT_TIER: _price(where, standard), **prices}


def _price(where: str, entry: object) -> ModelPrice:
    fields = _fields(where, entry, *_FIELDS)
    if "input" not in fields:
        raise InvalidPriceError(f"{where} lacks the field 'input'")
    longer = fields.get("long_context")
    long_context = None if longer is None else _long_context(f"{where}, long_context", longer)
    try:
        return ModelPrice(
            fields["input"],
            fields.get("cache_read"),
            fields.get("cache_write"),
            fields.get("cache_write_12h"),
            long_context,
        )
    except InvalidPriceError as error:
        raise InvalidPriceError(f"{where}: {error}") from None


def _long_context(where: str, entry: object) -> LongContext:
    fields = _fields(where, entry, *_FIELDS, "above_tokens")
    above_tokens = fields.pop("above_tokens", None)
    price = _price(where, fields)
    try:
        return LongContext(above_tokens, price)
    except InvalidPriceError as error:
        raise InvalidPriceError(f"{where}: {error}") from None


def _fields(where: str, entry: object, *allowed: str) -> dict[str, Any]:
    """Copy a mapping of names; any are allowed unless some are given."""
    if not isinstance(entry, Mapping):
        raise InvalidPriceError(f"{where} is {quoted(entry)}: expected a mapping")
    fields = cast("Mapping[object, object]", entry)
    for name in fields:
        if not isinstance(name, str) or (allowed and name not in allowed):
            expected = f"one of {', '.join(allowed)}" if allowed else "a string"
            raise InvalidPriceError(f"{where} has the field {quoted(name)}: expected {expected}")
    return dict(cast("Mapping[str, Any]", fields))


def _rate(name: str, value: object) -> float:
    # NaN and infinities fail the comparison, and so does an int that no float can hold.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MAX_USD_PER_MTOK:
        return value
    is_dear = isinstance(value, (int, float)) and value > _MAX_USD_PER_MTOK
    expected = f"at most {_MAX_USD_PER_MTOK:,}" if is_dear else "a finite number of at least 0"
    raise InvalidPriceError(f"{name} is {quoted(value)}: expected USD per million tokens, {expected}")
