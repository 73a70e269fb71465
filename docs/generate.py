"""Writes the parts of the documentation that come from code; `--check` only tells whether they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from otel_promptcache.config import describe_settings
from otel_promptcache.report.catalogue import refreshed
from otel_promptcache.telemetry import names

ROOT = Path(__file__).parent.parent


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def metrics() -> str:
    """What is emitted as metrics."""
    rows = (
        (f"`{metric.name}`", f"{metric.instrument.value}, `{metric.unit}`", metric.attributes, metric.meaning)
        for metric in names.METRICS
    )
    return table(("metric", "instrument, unit", "attributes", "meaning"), rows)


def attributes() -> str:
    """What is written to spans, beside what the conventions define."""
    rows = ((f"`{each.name}`", each.type, each.meaning) for each in names.SPAN_ATTRIBUTES)
    return table(("span attribute", "type", "meaning"), rows)


def settings() -> str:
    """What can be set."""
    rows = (
        (f"`{name}`", f"`{variable}`", default, allowed, meaning)
        for name, variable, default, allowed, meaning in describe_settings()
    )
    return table(("keyword", "environment variable", "default", "allowed", "meaning"), rows)


def tables(text: str) -> str:
    """The README with each generated part made anew.

    Raises:
        ValueError: The place of a part is not marked exactly once.
    """
    for name, part in (("metrics", metrics()), ("attributes", attributes()), ("settings", settings())):
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        if (text.count(begin), text.count(end)) != (1, 1):
            raise ValueError(f"the place of {begin} is not marked exactly once")
        before, after = text.partition(begin)[0], text.partition(end)[2]
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


PAGES = {ROOT / "README.md": tables, ROOT / "docs" / "findings.md": refreshed}


def main() -> int:
    """Write or check; 1 where a page is not what the code says."""
    status = 0
    for page, render in PAGES.items():
        current = page.read_text(encoding="utf-8")
        rendered = render(current)
        if "--check" not in sys.argv:
            page.write_text(rendered, encoding="utf-8")
        elif current != rendered:
            print(f"{page.name} is out of date: run `make docs` and commit the result", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
