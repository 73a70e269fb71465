"""Parses label matchers as PromQL writes them between braces, to reject what Prometheus would not accept."""

from __future__ import annotations

import re

from otel_promptcache.mixin import re2

EXAMPLE = 'env="prod",cluster=~"eu-.*"'
_MAX_LENGTH = 4_096
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MATCHER = re.compile(r"\s*(?P<label>[^\s=!~,\"'`{}]+)\s*(?P<operator>=~|!~|!=|=(?!=))\s*")
_VALUE = re.compile(r'"(?P<double>(?:[^"\\]|\\.)*)"' r"|'(?P<single>(?:[^'\\]|\\.)*)'" r"|`(?P<raw>[^`]*)`")
_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})"
    r"|(?P<sign>[abfnrtv\\'\"]))|\\(?P<bad>.)"
)
_SIGNS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_LAST_SURROGATE, _FIRST_SURROGATE = 0xDFFF, 0xD800
_LAST_CHARACTER, _LAST_ASCII = 0x10FFFF, 0x7F


def check(text: str) -> None:
    """Raise a ValueError that says why Prometheus would not accept the matchers for a metric, with an example."""
    try:
        _check(text)
    except ValueError as error:
        raise ValueError(f"{error}. Use matchers such as '{EXAMPLE}'") from None


def _check(text: str) -> None:
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"it is longer than {_MAX_LENGTH:,} characters")
    if bad := next((sign for sign in text if not sign.isprintable()), None):
        raise ValueError(f"it must not contain {bad!r}")
    at = 0
    while text[at:].strip():
        at = _after_space(text, _end_of_matcher(text, at))
        if at == len(text):
            return
        if text[at] != ",":
            raise ValueError(f"a comma is missing before {text[at:]!r}")
        at += 1
        if not text[at:].strip():
            raise ValueError("a matcher is missing after the last comma")


def _after_space(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _end_of_matcher(text: str, at: int) -> int:
    found = _MATCHER.match(text, at)
    if found is None:
        raise ValueError(f"expected a label and an operator (=, !=, =~, !~) at {text[at:]!r}")
    label = found["label"]
    if not LABEL.fullmatch(label):
        raise ValueError(f"{label!r} is not a label: use letters, digits and underscores")
    if label == "__name__":
        raise ValueError("__name__ is not allowed: the rules already select each metric by name")
    value = _VALUE.match(text, found.end())
    if value is None:
        raise ValueError(
            f"the value of {label} is not in quotes, or they are not closed: {text[found.end() :]}"
        )
    unquoted = _unquoted(value)
    if "~" in found["operator"]:
        try:
            re2.check(unquoted)
        except ValueError as error:
            raise ValueError(
                f"the value {unquoted!r} of {label} is not a valid RE2 expression: {error}"
            ) from None
    return value.end()


def _unquoted(value: re.Match[str]) -> str:
    if value["raw"] is not None:
        return value["raw"]
    quote = value[0][0]

    def read(escape: re.Match[str]) -> str:
        sign, octal = escape["sign"], escape["octal"]
        code = int(octal, 8) if octal else int(escape["x"] or escape["u"] or escape["U"] or "0", 16)
        is_other_quote = sign in ("'", '"') and sign != quote
        is_no_character = _FIRST_SURROGATE <= code <= _LAST_SURROGATE or code > _LAST_CHARACTER
        # A single byte beyond ASCII is not a character.
        is_part = (escape["x"] or octal) and code > _LAST_ASCII
        if escape["bad"] or is_other_quote or is_no_character or is_part:
            raise ValueError(f"{escape[0]} is not a PromQL escape within {quote}")
        return _SIGNS.get(sign, sign) if sign else chr(code)

    return _ESCAPE.sub(read, value[0][1:-1])
