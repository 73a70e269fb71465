"""The prices that a user states, from a mapping or a file."""

from __future__ import annotations

import importlib
import json
import os
import stat
import sys
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.money.stated_prices import parse_prices
from otel_promptcache.core.quoting import named, quoted

_MAX_FILE_BYTES = 16 << 20
"""Size of a file with prices."""
_MAX_LINE_CHARS = 1_000
"""Length of a line of such a file in TOML."""


def load_prices(setting: object) -> Mapping[str, Mapping[str, ModelPrice]]:
    """Read the prices that a user states, in the form that `parse_prices` describes.

    Args:
        setting: A mapping by model, or the path of a .json or .toml file that contains one; None for no prices.

    Returns:
        Prices by model, then by service tier.

    Raises:
        ValueError: The file cannot be read, or a price is invalid. The message names the
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
    """Read a regular file of bounded size; anything else might never end."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {_MAX_FILE_BYTES:,} bytes")
    return content.decode("utf-8-sig")  # some editors begin a file with a byte order mark


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file without blocking, even a named pipe without a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _from_toml(text: str) -> Any:
    # The parser's time is quadratic in the number of parts of a dotted key.
    if any(len(line) > _MAX_LINE_CHARS for line in text.splitlines()):
        raise ValueError(f"a line is longer than {_MAX_LINE_CHARS:,} characters")
    try:
        parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError:
        raise ValueError("TOML needs Python 3.11 or the package tomli; JSON needs neither") from None
    return parser.loads(text)
