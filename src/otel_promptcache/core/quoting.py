"""How text and values that are not ours are shown: in one line, visibly, and never at length."""

from __future__ import annotations

import reprlib

MAX_CHARS = 200
"""How much of a value is shown."""

_MAX_BITS = 512


def printable(text: str) -> str:
    """Replace what a terminal or a page would obey instead of showing by its escape.

    Thus the character ESC becomes a backslash and `x1b`, and likewise all that Unicode calls control, format,
    surrogate, private, unassigned or separator, but for the space.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def cut(text: str, most_chars: int = MAX_CHARS) -> str:
    """Shorten a text that is too long, and mark it by dots."""
    return text if len(text) <= most_chars else f"{text[: most_chars - 1]}…"


def quoted(value: object) -> str:
    """Show a value as Python writes it, of whatever type and size it is; never fails."""
    return cut(printable(_short.repr(value)))


def named(name: object) -> str:
    """Show a name as it is, without quotes."""
    return cut(printable(name[: MAX_CHARS + 1])) if isinstance(name, str) else quoted(name)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class _Short(reprlib.Repr):
    """Bounded in depth and in length."""

    def repr_int(self, x: int, level: int) -> str:
        """Show an integer; one that is absurdly long by its length only, since Python refuses to write it."""
        del level
        bits = x.bit_length()
        return repr(x) if bits <= _MAX_BITS else f"an integer of {bits:,} bits"


_short = _Short()
_short.maxlevel = 3
_short.maxstring = _short.maxother = MAX_CHARS
