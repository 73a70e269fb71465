"""Writes the parts of the documentation that come from code; `--check` only tells whether they are up to date."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from markdown_table import table
from server_tables import known_servers, servers, simulated

from otel_promptcache import guard
from otel_promptcache.config import describe_settings
from otel_promptcache.core import exchange
from otel_promptcache.core.comparison import comparison, differences, partner
from otel_promptcache.core.memory import accounts, forgotten, index, nodes, piece_store
from otel_promptcache.core.money import usage
from otel_promptcache.core.prompt import chain, fingerprint, literals, paths, pieces, serial
from otel_promptcache.fleet import worker
from otel_promptcache.providers import reported, resolution
from otel_promptcache.report.catalogue import refreshed
from otel_promptcache.telemetry import exportable, names
from otel_promptcache.telemetry.metrics import cardinality, counters
from otel_promptcache.wire import body, request
from otel_promptcache.wire import format as wire_format
from otel_promptcache.wire.anthropic import frames
from otel_promptcache.wire.anthropic import usage as messages_usage
from otel_promptcache.wire.openai import usage_event_filter

ROOT = Path(__file__).parent.parent

BOUNDS: Sequence[tuple[str, ModuleType, str]] = (
    ("segments of a prompt", chain, "MAX_SEGMENTS"),
    ("pieces of a prompt", comparison, "MAX_PROMPT_PIECES"),
    ("pieces of a segment", pieces, "MAX_PIECES"),
    ("depth of a value", pieces, "MAX_DEPTH"),
    ("size of a value that is measured exactly", serial, "LARGE_BYTES"),
    ("segments of a template", fingerprint, "MAX_LEADING_SEGMENTS"),
    ("text of a template", fingerprint, "LEADING_CHARS"),
    ("length of a path", paths, "MAX_PATH_CHARS"),
    ("length of a name in a path", paths, "MAX_NAME_CHARS"),
    ("segments that are recognised", chain, "MAX_KNOWN_LINKS"),
    ("prompts", index, "MAX_PROMPTS"),
    ("memory of the prompts", index, "MAX_BYTES"),
    ("scopes that are compared with", nodes, "MAX_SCOPES"),
    ("memory of the scopes", index, "MAX_SCOPE_BYTES"),
    ("pieces of all prompts", piece_store, "MAX_PIECES"),
    ("memory of forgotten prefixes", forgotten, "FILTER_BYTES"),
    ("prefixes on their way", index, "MAX_IN_FLIGHT"),
    ("starts of prompts", index, "MAX_STARTS"),
    ("requests that wait for the fleet's memory", worker, "MAX_QUEUED"),
    ("endpoints whose first account is known", accounts, "MAX_HOSTS"),
    ("earlier prompts to compare with", partner, "MAX_CANDIDATES"),
    ("differences that are named", differences, "MAX_DIFFERENCES"),
    ("literals of a piece", literals, "MAX_LITERALS"),
    ("templates", fingerprint, "MAX_KNOWN_DIGESTS"),
    ("token counts", usage, "MAX_TOKENS"),
    ("choices of an answer", exchange, "MAX_CHOICES"),
    ("hosts that are explained in the log", resolution, "MAX_EXPLAINED_HOSTS"),
    ("who has reported cached tokens", reported, "MAX_REPORTERS"),
    ("names on the wire", wire_format, "MAX_STRING_CHARS"),
    ("ids of responses", wire_format, "MAX_ID_CHARS"),
    ("paths of requests", request, "MAX_PATH_CHARS"),
    ("events and documents", body, "MAX_DOCUMENT_BYTES"),
    ("frames of AWS", frames, "MAX_FRAME_BYTES"),
    ("headers of a frame", frames, "MAX_HEADERS_BYTES"),
    ("iterations of an answer", messages_usage, "MAX_ITERATIONS"),
    ("hidden events", usage_event_filter, "MAX_USAGE_EVENT_BYTES"),
    ("strings on a span", exportable, "MAX_STRING_CHARS"),
    ("lists on a span", exportable, "MAX_LIST_ENTRIES"),
    ("values of a label: length", exportable, "MAX_LABEL_CHARS"),
    ("values of a label: number", cardinality, "MAX_LABEL_VALUES"),
    ("values that wait to be told apart", cardinality, "MAX_CANDIDATES"),
    ("attribute sets of a metric", counters, "MAX_ATTRIBUTE_SETS"),
    ("integers that are exported", exportable, "MAX_INTEGER"),
    ("kinds of faults in the log", guard, "MAX_LOGGED_FAULTS"),
)
"""What is bounded, and the constant that says so: its docstring begins with the unit."""


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


def bounds() -> str:
    """What is bounded, and by how much."""
    rows: list[tuple[str, str, str, str]] = []
    for what, module, constant in BOUNDS:
        meaning = docstrings(module)[constant]
        rows.append((what, f"{getattr(module, constant):,}", meaning.split()[0].lower().rstrip(","), meaning))
    return table(("what", "limit", "unit", "meaning"), rows)


def served(text: str) -> str:
    """The page on servers with its tables made anew."""
    return rendered(text, {"servers": servers(), "simulated": simulated()})


def docstrings(module: ModuleType) -> Mapping[str, str]:
    """The string under each constant of a module, in one line."""
    body = ast.parse(inspect.getsource(module)).body
    return {
        target.id: " ".join(text.split())
        for assignment, below in itertools.pairwise(body)
        if isinstance(assignment, ast.Assign) and isinstance(below, ast.Expr)
        for target in assignment.targets
        if isinstance(target, ast.Name)
        and isinstance(below.value, ast.Constant)
        and isinstance(text := below.value.value, str)
    }


def tables(text: str) -> str:
    """The README with each generated part made anew."""
    parts = {
        "metrics": metrics(),
        "attributes": attributes(),
        "settings": settings(),
        "servers": known_servers(),
    }
    return rendered(text, parts)


def bounded(text: str) -> str:
    """The page on reliability with its table made anew."""
    return rendered(text, {"bounds": bounds()})


def rendered(text: str, parts: Mapping[str, str]) -> str:
    """A page with these generated parts.

    Raises:
        ValueError: The place of a part is not marked exactly once.
    """
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        if (text.count(begin), text.count(end)) != (1, 1):
            raise ValueError(f"the place of {begin} is not marked exactly once")
        before, after = text.partition(begin)[0], text.partition(end)[2]
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


PAGES = {
    ROOT / "README.md": tables,
    ROOT / "docs" / "findings.md": refreshed,
    ROOT / "docs" / "reliability.md": bounded,
    ROOT / "docs" / "servers.md": served,
}


def main() -> int:
    """Write or check; 1 where a page is not what the code says."""
    status = 0
    for page, render in PAGES.items():
        current = page.read_text(encoding="utf-8")
        made = render(current)
        if "--check" not in sys.argv:
            page.write_text(made, encoding="utf-8")
        elif current != made:
            print(f"{page.name} is out of date: run `make docs` and commit the result", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
