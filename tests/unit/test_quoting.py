from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.core.quoting import MAX_CHARS, cut, named, printable, quoted


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_printable_is_one_line_that_every_utf8_stream_takes(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "character",
    [*map(chr, range(32)), *map(chr, range(127, 161)), "\u202e", "\u2066", "\ud800", "\u2028", "\ufeff"],
)
def test_what_a_terminal_would_obey_is_shown_by_its_escape(character: str) -> None:
    shown = printable(f"a{character}b")
    assert shown[1] == "\\"
    assert shown.encode().decode("unicode_escape") == f"a{character}b"


def test_all_other_text_stays_as_it_is() -> None:
    assert printable("[/x] `é` 日本 →") == "[/x] `é` 日本 →"


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


class Unwilling:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**5000), "x" * 10**6, b"x" * 10**6, nested(sys.getrecursionlimit() * 3), dict.fromkeys(range(1000), "y" * 100),
     "\ud800\x1b\n", Unwilling(), float("nan"), None, {10**5000: 1}],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_any_value_is_shown_in_one_short_line(value: object) -> None:
    for shown in (quoted(value), named(value)):
        assert 0 < len(shown) <= 6 * MAX_CHARS
        assert shown.isprintable()


def test_short_values_are_shown_as_python_writes_them() -> None:
    assert [quoted(value) for value in (3, "x", {"a": [1]}, None)] == ["3", "'x'", "{'a': [1]}", "None"]
    assert (named("gpt-4o"), named(3)) == ("gpt-4o", "3")
    assert cut("abcd", 3) == "ab…"
