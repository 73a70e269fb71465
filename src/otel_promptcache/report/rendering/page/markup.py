"""Markup in which nothing can go unescaped: whatever is not yet markup is text, and control characters are shown."""

from __future__ import annotations

import html
import re

from otel_promptcache.core.quoting import printable

_VOID = frozenset({"meta", "rect", "line", "polyline", "path", "br", "wbr", "input"})
_BREAK = re.compile(r"(?<=[_./:])(?=[^\W_]{3})")
_CODE = re.compile(r"(?<!`)(?P<fence>`+)(?!`)(?P<code>.+?)(?<!`)(?P=fence)(?!`)", re.DOTALL)


class Markup(str):
    """Text that is markup; only made by the functions below."""

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
    """Concatenate text and markup."""
    return Markup("".join(each if isinstance(each, Markup) else _escaped(each) for each in children))


def raw(text: str) -> Markup:
    """Use text of our own as markup, unescaped; never anything that was read."""
    return Markup(text)


def text_block(text: str) -> Markup:
    """Turn text into markup that keeps its lines."""
    return Markup("\n".join(map(_escaped, text.splitlines())))


def breakable(name: str) -> Markup:
    """Turn a name into markup that is broken after its separators, if it must be broken."""
    return Markup("<wbr/>".join(map(_escaped, _BREAK.split(name))))


def code_spans(text: str) -> Markup:
    """Turn text between backticks into code elements, as Markdown does; all else stays text."""
    parts: list[str | Markup] = []
    end = 0
    for found in _CODE.finditer(text):
        parts += (text[end : found.start()], element("code", _unpadded(found["code"])))
        end = found.end()
    return join(*parts, text[end:])


def _unpadded(code: str) -> str:
    """Remove the spaces that separate backticks in the code from those around it."""
    is_padded = code.startswith(" ") and code.endswith(" ") and "`" in code
    return code[1:-1] if is_padded else code


def _escaped(text: str) -> str:
    return html.escape(printable(text))
