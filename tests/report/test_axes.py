"""Axes end at round numbers, and every label is as precise as its tick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.report.rendering.page.axes import count_ticks, horizontal, time_ticks


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (1, ["0", "0.5", "1"]),
        (163_000, ["0", "50k", "100k", "150k", "200k"]),
        (6_000, ["0", "2,000", "4,000", "6,000"]),
        (40_000, ["0", "10k", "20k", "30k", "40k"]),
        (2_300_000, ["0", "1M", "2M", "3M"]),
        (1_200_000, ["0", "500k", "1M", "1.5M"]),
        (12_345_678_901, ["0", "5,000M", "10,000M", "15,000M"]),
    ],
)
def test_counts(most: float, labels: list[str]) -> None:
    end, ticks = count_ticks(most)
    assert [tick.label for tick in ticks] == labels
    assert end >= most
    assert (ticks[0].share, ticks[-1].share) == (0, 1)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.2, ["start", "50 ms", "100 ms", "150 ms", "200 ms"]),
        (2, ["start", "0.5 s", "1 s", "1.5 s", "2 s"]),
        (7, ["start", "2 s", "4 s", "6 s"]),
        (100, ["start", "30 s", "60 s", "90 s"]),
        (1_800, ["start", "10 min", "20 min", "30 min"]),
        (10_000, ["start", "1 h", "2 h"]),
        (86_400, ["start", "6 h", "12 h", "18 h", "24 h"]),
        (400_000, ["start", "1 d", "2 d", "3 d", "4 d"]),
    ],
)
def test_times(seconds: float, labels: list[str]) -> None:
    assert [tick.label for tick in time_ticks(seconds)] == labels


@given(st.floats(1e-3, 1e12))
def test_every_axis_has_a_few_distinct_labels_in_order(length: float) -> None:
    end, counts = count_ticks(length)
    assert length <= end * (1 + 1e-6)
    for ticks in (counts, time_ticks(length)):
        assert 2 <= len(ticks) <= 6
        assert len({tick.label for tick in ticks}) == len(ticks)
        shares = [tick.share for tick in ticks]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert shares[-1] <= 1 + 1e-6


def test_labels_stay_inside_the_plot() -> None:
    markup = horizontal(time_ticks(1_800))
    assert markup.count('class="first"') == markup.count('class="last"') == 1
