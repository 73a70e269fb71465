"""The page about the findings is generated from their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_promptcache.report import catalogue

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == catalogue.refreshed(page), (
        "run python -m otel_promptcache.report.catalogue docs/findings.md"
    )


def test_every_finding_is_on_the_page_once() -> None:
    page = PAGE.read_text(encoding="utf-8")
    ids = [rule.id for rule in catalogue.ALL_RULES]
    assert len(set(ids)) == len(ids)
    assert all(page.count(f"`{each}` ·") == 1 for each in ids)
    assert page.count("### ") == len(ids)


def test_rules_are_written_out() -> None:
    for rule in catalogue.ALL_RULES:
        for said in (rule, *rule.variants.values()):
            title, what, advice = map(catalogue.written_out, (said.title, said.what, said.advice))
            assert all(text == text.strip() and "  " not in text for text in (title, what, advice))
            assert what.endswith(".")
            assert advice.endswith(".")
            assert not title.endswith(".")


def test_a_page_without_its_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        catalogue.refreshed("# Findings")
