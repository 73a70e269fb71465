"""What can be set, what is refused, and how durations are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.mixin import matchers, re2
from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration, half_duration, parse_duration
from otel_promptcache.mixin.render import render_rules
from otel_promptcache.mixin.values import SettingError
from tests.mixin.settings import ODD, REFUSED, REFUSED_SELECTORS, odd


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1s"), (60, "1m"), (90, "1m30s"), (3_600, "1h"), (81_000, "22h30m"), (604_800, "7d")],
)
def test_durations_are_written_as_promql_writes_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text
    assert parse_duration(text) == seconds


@given(st.integers(1, 10**9))
def test_a_duration_survives_the_way_there_and_back(seconds: int) -> None:
    assert parse_duration(duration(seconds)) == seconds


def test_weeks_are_understood() -> None:
    assert parse_duration("2w") == 14 * 86_400


@pytest.mark.parametrize("text", ["", "5", "5x", "m", "1h ", "-5m", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(60, "30s"), (1, "500ms"), (5, "2500ms"), (7_200, "1h")])
def test_half_of_a_duration(seconds: int, text: str) -> None:
    assert half_duration(seconds) == text


def test_a_duration_takes_at_least_a_second() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        duration(0)


@pytest.mark.parametrize("settings", REFUSED, ids=repr)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as refused:
        MixinConfig(**settings)
    assert refused.value.name in settings
    assert str(refused.value).startswith(f"MixinConfig.{refused.value.name}=")


@pytest.mark.parametrize("name", ODD)
def test_what_is_unusual_is_allowed(name: str) -> None:
    files = render_rules(odd(name))
    assert all(yaml.safe_load(text) for text in files.values())


@pytest.mark.parametrize("selector", REFUSED_SELECTORS)
def test_a_refused_selector_is_answered_with_one_that_is_right(selector: str) -> None:
    with pytest.raises(SettingError) as refused:
        MixinConfig(selector=selector)
    (example,) = re.findall(r"such as '(.*)'$", str(refused.value))
    assert MixinConfig(selector=example).selector == example


def problem(check: Callable[[str], None], text: str) -> str:
    try:
        check(text)
    except ValueError as error:
        return str(error)
    return ""


@given(st.text(alphabet="ab=~!\",.'`{}()[]\\*+?|^$-0123\n é", max_size=40))
def test_any_text_is_allowed_or_refused_with_an_example(text: str) -> None:
    assert "such as" in (problem(matchers.check, text) or "such as")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("(" * 4_000, "nested"),
        ("[" * 4_000, "not closed"),
        ("[[:a" * 1_000, "not closed"),
        ("[:" * 2_000, "not closed"),
        ("(a*" * 900, "parentheses"),
        ("a|" * 2_000, ""),
        ("\\Q" * 2_000, ""),
    ],
)
def test_a_long_pattern_is_read_to_its_end(text: str, part: str) -> None:
    found = problem(re2.check, text)
    assert bool(found) is bool(part)
    assert part in found
