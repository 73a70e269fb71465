"""What the models of a run cost: by the prices that its processes were given, and by the price lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from otel_promptcache.config import ENVIRONMENT_PREFIX
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.own_prices import load_prices
from otel_promptcache.prices import Prices
from otel_promptcache.report.reading.record import CallRecord

_SETTING = f"{ENVIRONMENT_PREFIX}PRICES"


def standard_prices(environment: Mapping[str, str]) -> Callable[[CallRecord], ModelPrice | None]:
    """Return a function for what a call's model costs in the standard tier; None if that is not known.

    Args:
        environment: That of the run. Prices that cannot be read are ignored: the processes have reported that.
    """
    try:
        return price_by(Prices(load_prices(environment.get(_SETTING) or None)))
    except ValueError:
        return price_by(Prices())


def price_by(prices: Prices) -> Callable[[CallRecord], ModelPrice | None]:
    """The same, by the given prices."""

    def price_of(call: CallRecord) -> ModelPrice | None:
        at = datetime.fromtimestamp(call.started_seconds, timezone.utc)
        return prices.resolve(call.provider or "", call.model or "", None, at, host=call.host)

    return price_of
