"""Writes the tables of the README that come from code; `--check` only tells whether they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from otel_promptcache.config import describe_settings
from otel_promptcache.telemetry import names

README = Path(__file__).parent.parent / "README.md"


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


def render(text: str) -> str:
    """The README with each generated part made anew.

    Raises:
        ValueError: The place of a part is not marked exactly once.
    """
    for name, part in (("metrics", metrics()), ("attributes", attributes()), ("settings", settings())):
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        if (text.count(begin), text.count(end)) != (1, 1):
            raise ValueError(f"{README.name} does not mark the place of {begin} exactly once")
        before, after = text.partition(begin)[0], text.partition(end)[2]
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def main() -> int:
    """Write or check; 1 where the README is not what the code says."""
    current = README.read_text(encoding="utf-8")
    rendered = render(current)
    if "--check" not in sys.argv:
        README.write_text(rendered, encoding="utf-8")
    elif current != rendered:
        print(f"{README.name} is out of date: run `make docs` and commit the result", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
