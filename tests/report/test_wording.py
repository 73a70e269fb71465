"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from otel_promptcache.report.rendering.wording import (
    NOT_KNOWN,
    compact,
    counted,
    duration,
    rounded_share,
    seconds,
    share,
    tokens,
    usd,
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, NOT_KNOWN), (0, "$0"), (1234.5, "$1,234"), (12.345, "$12.35"), (0.1234567, "$0.1235"), (0.0012345, "$0.0012"),
        (0.00012345, "$0.000123"), (0.0000001, "<$0.000001"), (-0.0232, "-$0.0232"), (-0.0000001, "-<$0.000001"),
    ],
)  # fmt: skip
def test_dollars(amount: float | None, text: str) -> None:
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, NOT_KNOWN), (0, "0"), (9_999, "9,999"), (10_000, "10k"), (114_304, "114k"), (999_600, "1.0M"), (2_400_000, "2.4M"), (123_456_789, "123M")],
)  # fmt: skip
def test_tokens_in_few_characters(count: int | None, text: str) -> None:
    assert compact(count) == text


def test_other_numbers() -> None:
    assert (tokens(None), tokens(1234)) == (NOT_KNOWN, "1,234")
    assert [share(each) for each in (None, 0.0, 0.0001, 0.9031, 0.9999, 1.0)] == [
        NOT_KNOWN, "0.0%", "<0.1%", "90.3%", ">99.9%", "100.0%",
    ]  # fmt: skip
    assert [rounded_share(each) for each in (None, 0.0, 0.001, 0.503, 0.999, 1.0)] == [
        NOT_KNOWN, "0%", "<1%", "50%", ">99%", "100%",
    ]  # fmt: skip
    assert (seconds(None), seconds(0.0312), seconds(1.2)) == (NOT_KNOWN, "31 ms", "1.20 s")
    assert [duration(each) for each in (1.2, 119.9, 600, 11_957, 36_000)] == [
        "1.20 s",
        "119.90 s",
        "10 min",
        "3 h 19 min",
        "10 h",
    ]
    assert [counted(n, "request") for n in (0, 1, 1200)] == ["0 requests", "1 request", "1,200 requests"]
    assert [counted(n, "process") for n in (1, 2)] == ["1 process", "2 processes"]
