"""What models cost: the user's own prices first, then the price table of genai-prices."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from otel_promptcache.core.money.pricing import (
    DEFAULT_TIER,
    STANDARD_TIERS,
    InvalidPriceError,
    LongContext,
    ModelPrice,
)
from otel_promptcache.core.money.usage import MODALITIES
from otel_promptcache.providers.profile import PriceList
from otel_promptcache.providers.profiles import profile_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, TieredPrices
    from genai_prices.types import ModelPrice as TablePrice

_LIFETIME_RATES = {"cache_write_1h_mtok": "1h"}
_INPUT_RATES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", *_LIFETIME_RATES)
_WEEKEND = (5, 6)
_SNAPSHOT_DATE = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
_MEMO_SIZE = 1_024


class _Table(NamedTuple):
    """A snapshot of the price table, and what was resolved from it."""

    snapshot: DataSnapshot
    memo: dict[tuple[str, str, str | None, str | None, int], ModelPrice | None]


class Prices:
    """Knows what models cost; one instance may be shared by all threads.

    It never uses the network. If the application lets genai-prices update its table, the new
    table is used immediately.

    Args:
        own: Prices that take precedence over the table, as `load_prices` returns them.
    """

    def __init__(self, own: Mapping[str, Mapping[str, ModelPrice]] | None = None) -> None:
        self._own = own or {}
        self._table: _Table | None = None

    def resolve(
        self, provider: str, model: str, service_tier: str | None, at: datetime, *, host: str | None = None
    ) -> ModelPrice | None:
        """Find the price of a model at a given time, from the user's prices or the provider's list.

        Args:
            provider: A value of `gen_ai.provider.name`.
            model: The model as the response names it.
            service_tier: The tier that the response reports, None if it reports none.
            at: When the request was made. A time without a zone is taken as UTC.
            host: Host that the request was sent to, None if unknown: regional hosts charge more.

        Returns:
            None if no price is known for exactly this. It is never that of a different model or tier.
        """
        if self._own:
            own = self._own.get(model) or self._own.get(_SNAPSHOT_DATE.sub("", model))
            if own is not None:
                return own.get(_tier(_price_list(provider), service_tier))
        table = self._current_table()
        if table is None:
            return None

        if at.tzinfo is not timezone.utc:
            at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
        key = (provider, model, service_tier, host, at.toordinal())
        try:
            return table.memo[key]
        except KeyError:
            pass
        price, lasts_all_day = None, True
        price_list = _price_list(provider)
        if price_list is not None and (host is None or not host.endswith(price_list.other_hosts)):
            tier = _tier(price_list, service_tier)
            price, lasts_all_day = _listed(table.snapshot, price_list, model, tier, at)
        if lasts_all_day:
            # Without a lock, which a forked child might inherit locked: at worst a price is resolved twice.
            if len(table.memo) >= _MEMO_SIZE:
                table.memo.clear()
            table.memo[key] = price
        return price

    def _current_table(self) -> _Table | None:
        if (get_snapshot := _snapshot_getter()) is None:
            return None
        table, snapshot = self._table, get_snapshot()
        if table is None or table.snapshot is not snapshot:
            self._table = table = _Table(snapshot, {})
        return table


@cache
def _snapshot_getter() -> Callable[[], DataSnapshot] | None:
    # Imported when first needed, as it takes a while. It needs Python 3.11, so it is missing on 3.10.
    try:
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415
    except ImportError:
        return None
    return get_snapshot


def _price_list(provider: str) -> PriceList | None:
    profile = profile_named(provider)
    return None if profile is None else profile.prices


def _tier(price_list: PriceList | None, service_tier: str | None) -> str:
    if not service_tier or service_tier in STANDARD_TIERS:
        return DEFAULT_TIER
    if price_list is not None and service_tier in price_list.standard_tiers:
        return DEFAULT_TIER
    return service_tier


def _listed(
    snapshot: DataSnapshot, price_list: PriceList, model: str, tier: str, at: datetime
) -> tuple[ModelPrice | None, bool]:
    """Look a price up in the table; the flag says whether it holds until the end of the day in UTC."""
    from genai_prices.types import StartDateConstraint  # noqa: PLC0415

    if price_list.incomplete is not None and price_list.incomplete.search(model):
        return None, True
    for prefix in price_list.model_prefixes:
        model = model.removeprefix(prefix)
    seller = next((each for each in snapshot.providers if each.id == price_list.table_id), None)
    info = seller.find_model(model, all_providers=snapshot.providers) if seller else None
    if seller is None or info is None:
        return None, True

    dated = info.prices if isinstance(info.prices, list) else []
    constraints = [each.constraint for each in (*dated, *(info.price_variants or ()))]
    hourly = [each for each in constraints if each and not isinstance(each, StartDateConstraint)]
    # Peak hours apply on weekdays only, but the table has them at weekends too.
    # Source: its notes on DeepSeek, https://api-docs.deepseek.com/quick_start/pricing (checked 2026-11-20).
    if at.weekday() in _WEEKEND and any(each.active(at) for each in hourly):
        return None, False

    # Azure falls back to the lists of others, which know neither its tiers nor its discounts.
    is_own_list = any(info is each for each in seller.models)
    if tier == DEFAULT_TIER:
        rates = info.get_prices(at)
    elif is_own_list and (variant := _variant(info, price_list, tier, at)):
        rates = info.get_prices(at, variant)
    else:
        return None, not hourly
    is_complete = rates.cache_read_mtok is not None or price_list.lists_all_discounts
    return _model_price(rates) if is_complete else None, not hourly


def _variant(info: ModelInfo, price_list: PriceList, tier: str, at: datetime) -> dict[str, str] | None:
    """How the table names a tier; None unless all its input rates are listed, as gaps are filled with standard ones."""
    standard = info.get_prices(at)
    needed = [rate for rate in _INPUT_RATES if getattr(standard, rate) is not None]
    listed = [
        variant.when
        for variant in info.price_variants or ()
        if (variant.constraint is None or variant.constraint.active(at))
        and all(getattr(variant.prices, rate) is not None for rate in needed)
    ]
    named = {"service_tier": tier}, dict(price_list.variants.get(tier, {}))
    return next((name for name in named if name in listed), None)


def _model_price(rates: TablePrice) -> ModelPrice | None:
    """Translate an entry of the table; None if it does not say what plain input costs."""
    listed: dict[str, Decimal | TieredPrices] = {k: v for k, v in vars(rates).items() if v is not None}
    if "input_mtok" not in listed:
        return None
    input_rates = {name: listed[name] for name in _INPUT_RATES if name in listed}
    starts = {0, *(tier.start for rate in input_rates.values() for tier in getattr(rate, "tiers", ()))}
    try:
        price = _from_step(input_rates, sorted(starts))
    except InvalidPriceError:
        return None
    of_input = [name for name in listed if not name.startswith("output_")]
    apart = frozenset(kind for kind in MODALITIES if any(kind in name for name in of_input))
    return replace(price, billed_apart=apart) if apart else price


def _from_step(rates: Mapping[str, Decimal | TieredPrices], starts: Sequence[int]) -> ModelPrice:
    """Build the price above the first threshold; the prices above the further ones are its long context."""
    start, *further = starts
    usd = {name: _usd(rate, start) for name, rate in rates.items()}
    return ModelPrice(
        usd["input_mtok"],
        usd.get("cache_read_mtok"),
        usd.get("cache_write_mtok"),
        {lifetime: usd[name] for name, lifetime in _LIFETIME_RATES.items() if name in usd},
        long_context=LongContext(further[0], _from_step(rates, further)) if further else None,
    )


def _usd(rate: Decimal | TieredPrices, start: int) -> float:
    """The rate that holds for requests with more input tokens than `start`, up to the next step."""
    if isinstance(rate, Decimal):
        return float(rate)
    return float(next((tier.price for tier in reversed(rate.tiers) if tier.start <= start), rate.base))
