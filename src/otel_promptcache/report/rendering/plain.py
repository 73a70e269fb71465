"""Text in a terminal: what was read is shown literally, and never interpreted."""

from __future__ import annotations

from rich.text import Text

from otel_promptcache.core.quoting import cut, printable


def plain(text: str, style: str = "") -> Text:
    """Text without markup, on one line, with control characters shown as escapes."""
    return Text(printable(text), style)


def name(text: str, style: str = "") -> Text:
    """Show a name in a table: like `plain`, but cut to a maximum length."""
    return plain(cut(text), style)
