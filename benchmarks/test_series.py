"""The series that a process adds to a metrics backend stay within budget, and docs/scale.md shows their number."""

# ruff: noqa: S101  # asserts are how tests speak

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import series
from benchmarks.series import LARGE, MEASURED, SMALL, Application

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BUDGETS = {SMALL: 350, LARGE: 6_000}


@pytest.fixture(scope="module")
def counted() -> dict[tuple[Application, str], Counter[str]]:
    """The series of each row of the page, counted once."""
    return {measured: series.count(*measured) for measured in MEASURED}


def test_the_default_settings_are_within_the_budget(
    counted: dict[tuple[Application, str], Counter[str]],
) -> None:
    """The budget counts the Prometheus series of one process."""
    for application, budget in BUDGETS.items():
        assert 0 < counted[application, "buckets"].total() <= budget


def test_histograms_are_what_the_setting_says(
    counted: dict[tuple[Application, str], Counter[str]],
) -> None:
    """Time to first token: buckets by model and result, exponential also by template, and nothing if off."""
    of_setting = {
        setting: series for (application, setting), series in counted.items() if application == SMALL
    }
    name = "promptcache.time_to_first_token"
    assert of_setting["buckets"][name] % 17 == 0 < of_setting["buckets"][name]
    assert of_setting["exponential"][name] >= SMALL.templates
    assert name not in of_setting["off"]
    rest = [
        {metric: number for metric, number in each.items() if metric != name} for each in of_setting.values()
    ]
    assert rest[0] == rest[1] == rest[2]


def test_the_page_shows_what_is_counted(counted: dict[tuple[Application, str], Counter[str]]) -> None:
    """`python -m benchmarks.series` prints it."""
    table = series.table({measured: each.total() for measured, each in counted.items()})
    assert table in PAGE.read_text(encoding="utf-8")
