"""Links between pages and to their sections lead somewhere, both in the repository and on the site."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("examples/**/*.md"),
    *ROOT.glob("benchmarks/*.md"),
]
_FENCED = re.compile(r"^ *(`{3,}).*?^ *\1", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    texts = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose(page)):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"links to {path}"
        if anchor:
            assert anchor in anchors(target), f"{path or page.name} has no section #{anchor}"


def test_every_recipe_is_in_the_index_and_on_a_page() -> None:
    index = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    shown = "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/recipes/*.md"))
    for recipe in (ROOT / "examples" / "recipes").glob("*.py"):
        assert f"recipes/{recipe.name})" in index
        assert f"<!-- generated: examples/recipes/{recipe.name} -->" in shown
