"""What can be set, what is refused, and how durations are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.mixin.config import MixinConfig
from otel_promptcache.mixin.durations import duration, half_duration, parse_duration


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


@pytest.mark.parametrize(
    "settings",
    [
        {"evaluation_seconds": 0},
        {"drop_ratio": 1.5},
        {"objective_ratio": -0.1},
        {"variants_share": 2},
        {"seasons_seconds": (0,)},
        {"keep_labels": ("no-label",)},
        {"seasons_seconds": (60,), "season_width_seconds": 180},
        {"evaluation_seconds": 300, "fast_window_seconds": 300},
        {"gap_seconds": 7_200, "forget_seconds": 3_600},
    ],
)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"MixinConfig\.({'|'.join(settings)})="):
        MixinConfig(**settings)
