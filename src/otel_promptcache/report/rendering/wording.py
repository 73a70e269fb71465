"""How numbers are written for people. What is not known is a dash, never a zero."""

from __future__ import annotations

import re

NOT_KNOWN = "\N{EN DASH}"

_MILLION, _TEN_THOUSAND, _THOUSAND = 1_000_000, 10_000, 1_000
_ROUNDS_TO_A_MILLION = 999_500
_CENT = 0.01
_LONG_SECONDS, _LONG_MINUTES = 120, 120


def usd(amount: float | None) -> str:
    """Dollars, with as many digits as are meaningful."""
    if amount is None:
        return NOT_KNOWN
    size = abs(amount)
    if size == 0:
        return "$0"
    decimals = 0 if size >= _THOUSAND else 2 if size >= 1 else 4 if size >= _CENT / 10 else 6
    sign = "-" if amount < 0 else ""
    return f"{sign}${size:,.{decimals}f}" if round(size, decimals) else f"{sign}<$0.000001"


def bare_usd(amount: float | None) -> str:
    """Dollars without the dollar sign, for use below a header that has it."""
    return usd(amount).replace("$", "")


def tokens(count: int | None) -> str:
    """A number of tokens in full."""
    return NOT_KNOWN if count is None else f"{count:,}"


def compact(count: float | None) -> str:
    """A number in few characters: 9,384, 114k, 2.4M."""
    if count is None:
        return NOT_KNOWN
    if count >= _MILLION * 100:
        return f"{count / _MILLION:,.0f}M"
    if count >= _ROUNDS_TO_A_MILLION:
        return f"{count / _MILLION:.1f}M"
    return f"{count / _THOUSAND:.0f}k" if count >= _TEN_THOUSAND else f"{count:,.0f}"


def share(ratio: float | None) -> str:
    """A ratio as a percentage; 0.0% means none and 100.0% all of it, to the last token."""
    if ratio is None:
        return NOT_KNOWN
    text = f"{ratio:.1%}"
    return "<0.1%" if ratio and text == "0.0%" else ">99.9%" if ratio < 1 and text == "100.0%" else text


def rounded_share(ratio: float | None) -> str:
    """A ratio as a percentage without decimals; 0% means none and 100% all of it."""
    if ratio is None:
        return NOT_KNOWN
    percent = round(ratio * 100)
    return "<1%" if ratio and not percent else ">99%" if ratio < 1 and percent == 100 else f"{percent}%"  # noqa: PLR2004


def seconds(duration_seconds: float | None) -> str:
    """A time in the unit that suits it."""
    if duration_seconds is None:
        return NOT_KNOWN
    return f"{duration_seconds * 1000:.0f} ms" if duration_seconds < 1 else f"{duration_seconds:.2f} s"


def duration(length_seconds: float) -> str:
    """How long something took, in one unit or two."""
    if length_seconds < _LONG_SECONDS:
        return seconds(length_seconds)
    minutes = round(length_seconds / 60)
    if minutes < _LONG_MINUTES:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min".removesuffix(" 0 min")


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless the number is 1."""
    if count != 1:
        noun = f"{noun.removesuffix('s')}ses" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun}"


def code(text: str) -> str:
    """Put text that was read between enough backticks that none of its own can end the code."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"


def verbatim(text: str) -> str:
    """Put text that was read into a sentence; it can neither begin nor end code."""
    return code(text) if "`" in text else text
