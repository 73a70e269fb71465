"""Reports look as they did when a person last looked at them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.report.goldens import (
    COLUMNS,
    DEMO,
    FOLDER,
    demo_text,
    golden,
    in_a_terminal,
    page_golden,
    page_text,
    text,
)
from tests.report.scenarios import SCENARIOS

WORDS = {
    "template", "requests", "hit", "ratio", "read", "write", "uncached", "net", "lost", "$", "tokens", "TTFT", "miss",
    "unknown", "model,", "API", "and", "call", "site", "most", "expensive", "finding",
}  # fmt: skip
"""All words that headers consist of."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_report_is_the_golden_one(name: str) -> None:
    expected = golden(name).read_text(encoding="utf-8")
    assert text(SCENARIOS[name]()) == expected, "python -m tests.report.goldens writes it anew"


def test_there_is_no_golden_of_something_else() -> None:
    assert set(FOLDER.iterdir()) == {DEMO, *map(golden, SCENARIOS), *map(page_golden, SCENARIOS)}


def test_the_tables_of_the_demo_are_the_golden_ones() -> None:
    assert demo_text() == DEMO.read_text(encoding="utf-8"), "python -m tests.report.goldens writes it anew"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_page_is_the_golden_one(name: str) -> None:
    expected = page_golden(name).read_text(encoding="utf-8")
    assert page_text(SCENARIOS[name]()) == expected, "python -m tests.report.goldens writes it anew"


@pytest.mark.parametrize("columns", [*COLUMNS, 40, 60, 100])
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_wider_than_the_terminal_and_no_header_is_broken(name: str, columns: int) -> None:
    lines = in_a_terminal(SCENARIOS[name](), columns)
    rule = next(index for index, line in enumerate(lines) if line.startswith("──"))
    header = [line for line in lines[3:rule] if line]
    assert {word for line in header for word in line.split()} <= WORDS
    assert any("template" in line for line in header)
    table = lines[3 : len(lines) - lines[::-1].index("") - 1]
    assert max(map(cell_len, table)) <= columns
