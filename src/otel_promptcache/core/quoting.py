"""Shows text and values that are not ours: on one line, escaped and shortened."""

from __future__ import annotations

import reprlib

MAX_CHARS = 200
"""How much of a value is shown."""

_MAX_BITS = 512


def printable(text: str) -> str:
    """Escape the characters that a terminal or a page would obey instead of showing.

    For example, ESC becomes a backslash and `x1b`. This applies to all that Unicode calls control, format,
    surrogate, private, unassigned or separator, except the space.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def cut(text: str, most_chars: int = MAX_CHARS) -> str:
    """Shorten a text that is too long, and end it with an ellipsis."""
    return text if len(text) <= most_chars else f"{text[: most_chars - 1]}…"


def quoted(value: object) -> str:
    """Show a value of any type and size as Python writes it; never fails."""
    return cut(printable(_short.repr(value)))


def named(name: object) -> str:
    """Show a name without quotes."""
    return cut(printable(name[: MAX_CHARS + 1])) if isinstance(name, str) else quoted(name)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class _Short(reprlib.Repr):
    """Bounded in depth and in length."""

    def repr_int(self, x: int, level: int) -> str:
        """Show an integer, or only its length if it is so long that Python refuses to write it."""
        del level
        bits = x.bit_length()
        return repr(x) if bits <= _MAX_BITS else f"an integer of {bits:,} bits"


_short = _Short()
_short.maxlevel = 3
_short.maxstring = _short.maxother = MAX_CHARS
