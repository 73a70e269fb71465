"""Text in a terminal: what was read is shown as it is, and never obeyed."""

from __future__ import annotations

from rich.text import Text

from otel_promptcache.core.quoting import cut, printable


def plain(text: str, style: str = "") -> Text:
    """Text that is no markup, on one line, with control characters shown by their escapes."""
    return Text(printable(text), style)


def name(text: str, style: str = "") -> Text:
    """Show a name in a table: as `plain`, and not at any length."""
    return plain(cut(text), style)
