"""Markup in which nothing can go unescaped: what is no markup already is text, and control characters are shown."""

from __future__ import annotations

import html
import re

from otel_promptcache.core.quoting import printable

_VOID = frozenset({"meta", "rect", "line", "polyline", "path", "br"})
_CODE = re.compile(r"(?<!`)(?P<fence>`+)(?!`)(?P<code>.+?)(?<!`)(?P=fence)(?!`)", re.DOTALL)


class Markup(str):
    """Text that is markup; made by `element` and `raw` only."""

    __slots__ = ()


def element(name: str, /, *children: str | Markup, **attributes: object) -> Markup:
    """Build an element; children and values are escaped.

    Args:
        name: The tag's name.
        *children: Text or markup, in order.
        **attributes: A trailing underscore is dropped and others become hyphens; None leaves the attribute out.
    """
    opening = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{opening}/>")
    return Markup(f"<{opening}>{join(*children)}</{name}>")


def join(*children: str | Markup) -> Markup:
    """Put text and markup side by side."""
    return Markup("".join(each if isinstance(each, Markup) else _escaped(each) for each in children))


def raw(text: str) -> Markup:
    """Take text of our own for markup as it is; never anything that was read."""
    return Markup(text)


def code_spans(text: str) -> Markup:
    """Turn text between backticks into code elements, as Markdown does; all else stays text."""
    parts: list[str | Markup] = []
    end = 0
    for found in _CODE.finditer(text):
        parts += (text[end : found.start()], element("code", _unpadded(found["code"])))
        end = found.end()
    return join(*parts, text[end:])


def _unpadded(code: str) -> str:
    """Take the spaces away that keep backticks of the code from those around it."""
    is_padded = code.startswith(" ") and code.endswith(" ") and "`" in code
    return code[1:-1] if is_padded else code


def _escaped(text: str) -> str:
    return html.escape(printable(text))
