"""What models cost: the user's own prices first, then the price table of genai-prices."""

from __future__ import annotations

import importlib
import json
import os
import re
import stat
import sys
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from otel_promptcache.core.money.pricing import (
    DEFAULT_TIER,
    STANDARD_TIERS,
    InvalidPriceError,
    LongContext,
    ModelPrice,
    parse_prices,
)
from otel_promptcache.core.quoting import named, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, TieredPrices
    from genai_prices.types import ModelPrice as TablePrice

# From `gen_ai.provider.name` to the provider's id in genai-prices.
# Source: OpenTelemetry GenAI semantic conventions, genai-prices 0.2.3 (checked 2026-11-20).
_TABLE_ID = {
    "openai": "openai",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "groq": "groq",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "x_ai": "x-ai",
}

# Further tiers that a provider bills at the standard price.
# Source: https://console.groq.com/docs/flex-processing (checked 2026-11-20).
_STANDARD_AT = {"groq": frozenset({"on_demand", "flex"})}

# Regional endpoints bill 10 to 25 % above the list price, some of them for some models only.
# Source: https://developers.openai.com/api/docs/guides/data-residency,
# https://docs.x.ai/developers/advanced-api-usage/regions,
# https://docs.mistral.ai/inference/regional-inference,
# https://docs.together.ai/docs/serverless/geo-specific-inference (checked 2026-11-20).
_REGIONAL_HOSTS = (".api.openai.com", ".api.x.ai", ".eu.mistral.ai", ".us.mistral.ai", "-api.together.ai")

# Models that the table lists under OpenAI, but not with all that OpenAI bills: fine-tunes lack their
# cached rate, audio models their audio rate, and open weights carry the price of some reseller.
# Source: genai-prices 0.2.3 (checked 2026-11-20).
_INCOMPLETE = re.compile(r"^ft:|\.ft-|-audio|gpt-oss")

# Rates of the table for input that is billed apart, and that no report about the cache tells from text.
_BILLED_APART = re.compile(r"audio|image|video")

_INPUT_RATES = ("input_mtok", "cache_read_mtok", "cache_write_mtok")
_WEEKEND = (5, 6)
_SNAPSHOT_DATE = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d$")
_MEMO_SIZE = 1_024

_MAX_FILE_BYTES = 16 << 20
"""Of a file with prices."""
_MAX_LINE_CHARS = 1_000
"""Of such a file in TOML."""


class _Table(NamedTuple):
    """A snapshot of the price table, and what was resolved from it."""

    snapshot: DataSnapshot
    memo: dict[tuple[str, str, str | None, str | None, int], ModelPrice | None]


class Prices:
    """Knows what models cost; one instance may be shared by all threads.

    It never asks the network. Where the application lets genai-prices update its table, the new
    table is used at once.

    Args:
        own: Prices that win over the table, from `load_prices`.
    """

    def __init__(self, own: Mapping[str, Mapping[str, ModelPrice]] | None = None) -> None:
        self._own = own or {}
        self._table: _Table | None = None

    def resolve(
        self, provider: str, model: str, service_tier: str | None, at: datetime, *, host: str | None = None
    ) -> ModelPrice | None:
        """Find what a model cost at a time, by the user's prices or by the provider's list.

        Args:
            provider: A value of `gen_ai.provider.name`.
            model: The model as the response names it.
            service_tier: The tier that the response reports, None where it reports none.
            at: When the request was made. A time without a zone is in UTC.
            host: Host that the request was sent to, None if not known: regional ones bill more.

        Returns:
            None where no price is known for exactly this. It is never that of another model or tier.
        """
        if self._own:
            own = self._own.get(model) or self._own.get(_SNAPSHOT_DATE.sub("", model))
            if own is not None:
                return own.get(_tier(provider, service_tier))
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
        if host is None or not host.endswith(_REGIONAL_HOSTS):
            price, lasts_all_day = _listed(table.snapshot, provider, model, _tier(provider, service_tier), at)
        if lasts_all_day:
            # Without a lock, which a forked child might find taken: at worst a price is resolved twice.
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
    # Imported when first needed, as it takes a while. On Python 3.10 it is not there: it needs 3.11.
    try:
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415
    except ImportError:
        return None
    return get_snapshot


def _tier(provider: str, service_tier: str | None) -> str:
    if not service_tier or service_tier in STANDARD_TIERS or service_tier in _STANDARD_AT.get(provider, ()):
        return DEFAULT_TIER
    return service_tier


def _listed(
    snapshot: DataSnapshot, provider: str, model: str, tier: str, at: datetime
) -> tuple[ModelPrice | None, bool]:
    """Look a price up in the table; the flag says whether it lasts until the end of the day in UTC."""
    from genai_prices.types import StartDateConstraint  # noqa: PLC0415

    seller = next((each for each in snapshot.providers if each.id == _TABLE_ID.get(provider)), None)
    info = seller.find_model(model, all_providers=snapshot.providers) if seller else None
    if seller is None or info is None or (seller.id in {"openai", "azure"} and _INCOMPLETE.search(model)):
        return None, True

    dated = info.prices if isinstance(info.prices, list) else []
    constraints = [each.constraint for each in (*dated, *(info.price_variants or ()))]
    hourly = [each for each in constraints if each and not isinstance(each, StartDateConstraint)]
    # Peak hours are those of weekdays, but the table has them at weekends too.
    # Source: its notes on DeepSeek, https://api-docs.deepseek.com/quick_start/pricing (checked 2026-11-20).
    if at.weekday() in _WEEKEND and any(each.active(at) for each in hourly):
        return None, False

    # Azure falls back on the lists of others, which know neither its tiers nor its discounts.
    is_own_list = any(info is each for each in seller.models)
    if tier == DEFAULT_TIER:
        rates = info.get_prices(at)
    elif is_own_list and _has_tier(info, tier, at):
        rates = info.get_prices(at, {"service_tier": tier})
    else:
        return None, not hourly
    # That a model without a cached rate has no discount is known of OpenAI's list only; in others the
    # rate may just be missing.
    is_complete = rates.cache_read_mtok is not None or seller.id == "openai"
    return _model_price(rates) if is_complete else None, not hourly


def _has_tier(info: ModelInfo, tier: str, at: datetime) -> bool:
    """Tell whether a tier is listed with all its input rates; the table takes missing ones for standard."""
    standard = info.get_prices(at)
    needed = [rate for rate in _INPUT_RATES if getattr(standard, rate) is not None]
    return any(
        variant.when == {"service_tier": tier}
        and (variant.constraint is None or variant.constraint.active(at))
        and all(getattr(variant.prices, rate) is not None for rate in needed)
        for variant in info.price_variants or ()
    )


def _model_price(rates: TablePrice) -> ModelPrice | None:
    """Translate an entry of the table; None where it does not tell what plain input costs."""
    listed: dict[str, Decimal | TieredPrices] = {k: v for k, v in vars(rates).items() if v is not None}
    is_plain = not any(_BILLED_APART.search(name) for name in listed if not name.startswith("output_"))
    if not is_plain or "input_mtok" not in listed:
        return None
    input_rates = {name: listed[name] for name in _INPUT_RATES if name in listed}
    starts = {0, *(tier.start for rate in input_rates.values() for tier in getattr(rate, "tiers", ()))}
    try:
        return _from_step(input_rates, sorted(starts))
    except InvalidPriceError:
        return None


def _from_step(rates: Mapping[str, Decimal | TieredPrices], starts: Sequence[int]) -> ModelPrice:
    """Build the prices above the first of some thresholds; those above the others are the long context."""
    start, *further = starts
    usd = {name: _usd(rate, start) for name, rate in rates.items()}
    return ModelPrice(
        usd["input_mtok"],
        usd.get("cache_read_mtok"),
        usd.get("cache_write_mtok"),
        long_context=LongContext(further[0], _from_step(rates, further)) if further else None,
    )


def _usd(rate: Decimal | TieredPrices, start: int) -> float:
    """The rate that holds for requests with more input tokens than `start`, up to the next step."""
    if isinstance(rate, Decimal):
        return float(rate)
    return float(next((tier.price for tier in reversed(rate.tiers) if tier.start <= start), rate.base))


def load_prices(setting: object) -> Mapping[str, Mapping[str, ModelPrice]]:
    """Read the prices that a user states, in the form that `parse_prices` describes.

    Args:
        setting: A mapping by model, or the path of a .json or .toml file with one; None for none.

    Returns:
        Prices by model, then by service tier.

    Raises:
        ValueError: The file cannot be read, or a price is not in order. The message names the
            place, the value and what is allowed.
    """
    if setting is None:
        return {}
    if not isinstance(setting, (str, PathLike)):
        return parse_prices(setting)
    path = Path(os.fsdecode(cast("str | PathLike[str]", setting)))
    shown = named(str(path))
    if path.suffix not in {".json", ".toml"}:
        raise ValueError(f"prices is {quoted(str(path))}: expected the path of a .json or .toml file")
    try:
        text = _text_of(path)
        models = json.loads(text) if path.suffix == ".json" else _from_toml(text)
    except RecursionError:
        raise ValueError(f"prices: cannot read {shown}: it is nested too deeply") from None
    except OSError as error:
        raise ValueError(f"prices: cannot read {shown}: {error.strerror or named(str(error))}") from error
    except ValueError as error:
        raise ValueError(f"prices: cannot read {shown}: {named(str(error))}") from error
    return parse_prices(models, f"prices in {shown}")


def _text_of(path: Path) -> str:
    """Read a regular file of a bounded size; nothing else, as it may never end."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {_MAX_FILE_BYTES:,} bytes")
    return content.decode("utf-8-sig")  # some editors begin a file with a mark of its byte order


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe without a writer, too."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _from_toml(text: str) -> Any:
    # The time that the parser takes grows with the square of the parts of a dotted key.
    if any(len(line) > _MAX_LINE_CHARS for line in text.splitlines()):
        raise ValueError(f"a line is longer than {_MAX_LINE_CHARS:,} characters")
    try:
        parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError:
        raise ValueError("TOML needs Python 3.11 or the package tomli; JSON needs neither") from None
    return parser.loads(text)
