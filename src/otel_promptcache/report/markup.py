"""Markup in which nothing can go unescaped: what is no markup already is text."""

from __future__ import annotations

import html

_VOID = frozenset({"meta", "rect", "line", "polyline", "path", "br"})


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
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{opening}/>")
    return Markup(f"<{opening}>{join(*children)}</{name}>")


def join(*children: str | Markup) -> Markup:
    """Put text and markup side by side."""
    return Markup("".join(each if isinstance(each, Markup) else html.escape(each) for each in children))


def raw(text: str) -> Markup:
    """Take text of our own for markup as it is; never anything that was read."""
    return Markup(text)


def code_spans(text: str) -> Markup:
    """Turn text in backticks into code elements; the rest stays text."""
    parts = text.split("`")
    return join(*(element("code", part) if index % 2 else part for index, part in enumerate(parts)))
