"""Writes the parts of the documentation that come from code; `--check` only reports whether they are up to date."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
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
from otel_promptcache.core.memory import accounts, forgotten, in_flight, index, nodes, piece_store, rate
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
    ("segments that are remembered", chain, "MAX_KNOWN_LINKS"),
    ("prompts", index, "MAX_PROMPTS"),
    ("memory of the prompts", index, "MAX_BYTES"),
    ("scopes to compare with", nodes, "MAX_SCOPES"),
    ("memory of the scopes", index, "MAX_SCOPE_BYTES"),
    ("pieces of all prompts", piece_store, "MAX_PIECES"),
    ("memory of forgotten prefixes", forgotten, "FILTER_BYTES"),
    ("prefixes in flight", in_flight, "MAX_IN_FLIGHT"),
    ("starts of prompts", rate, "MAX_STARTS"),
    ("requests that wait for the fleet's memory", worker, "MAX_QUEUED"),
    ("requests whose texts wait for the fleet's memory", worker, "MAX_QUEUED_TEXTS"),
    ("endpoints whose first account is known", accounts, "MAX_HOSTS"),
    ("earlier prompts to compare with", partner, "MAX_CANDIDATES"),
    ("differences that are named", differences, "MAX_DIFFERENCES"),
    ("literals of a piece", literals, "MAX_LITERALS"),
    ("templates", fingerprint, "MAX_KNOWN_DIGESTS"),
    ("token counts", usage, "MAX_TOKENS"),
    ("choices of an answer", exchange, "MAX_CHOICES"),
    ("unknown hosts in the log", resolution, "MAX_EXPLAINED_HOSTS"),
    ("servers and models that have reported cached tokens", reported, "MAX_REPORTERS"),
    ("names on the wire", wire_format, "MAX_STRING_CHARS"),
    ("ids of responses", wire_format, "MAX_ID_CHARS"),
    ("paths of requests", request, "MAX_PATH_CHARS"),
    ("events and documents", body, "MAX_DOCUMENT_BYTES"),
    ("AWS frames", frames, "MAX_FRAME_BYTES"),
    ("headers of a frame", frames, "MAX_HEADERS_BYTES"),
    ("iterations of an answer", messages_usage, "MAX_ITERATIONS"),
    ("hidden events", usage_event_filter, "MAX_USAGE_EVENT_BYTES"),
    ("strings on a span", exportable, "MAX_STRING_CHARS"),
    ("lists on a span", exportable, "MAX_LIST_ENTRIES"),
    ("values of a label: length", exportable, "MAX_LABEL_CHARS"),
    ("values of a label: number", cardinality, "MAX_LABEL_VALUES"),
    ("values of a label: candidates", cardinality, "MAX_CANDIDATES"),
    ("attribute sets of a metric", counters, "MAX_ATTRIBUTE_SETS"),
    ("integers that are exported", exportable, "MAX_INTEGER"),
    ("kinds of faults in the log", guard, "MAX_LOGGED_FAULTS"),
)
"""What is bounded, and the constant that defines the bound: its docstring begins with the unit."""


METRIC_COLUMNS = ("metric", "instrument, unit", "attributes", "meaning")


def metric_row(metric: names.Metric) -> tuple[str, str, str, str]:
    """What is said about one metric."""
    return (
        f"`{metric.name}`",
        f"{metric.instrument.value}, `{metric.unit}`",
        metric.attributes,
        metric.meaning,
    )


def metrics() -> str:
    """The table of metrics."""
    return table(METRIC_COLUMNS, map(metric_row, names.METRICS))


def conventions_metrics() -> str:
    """The table of the metrics that the conventions define; the name of a constant begins with the generation."""
    theirs = [
        (constant.partition("_")[0].lower(), each)
        for constant, each in vars(names).items()
        if isinstance(each, names.Metric) and each not in names.METRICS
    ]
    theirs += [("latest", each) for each in names.LATEST_USAGE.values()]
    rows = ((f"`{generation}`", *metric_row(each)) for generation, each in theirs)
    return table(("`semconv`", *METRIC_COLUMNS), rows)


def conventions_attributes() -> str:
    """The span attributes that the conventions define."""
    on_metrics_only = (names.TOKEN_TYPE, names.TOKEN_MODALITY)
    found = [
        each
        for each in vars(names).values()
        if isinstance(each, str) and each.startswith(("gen_ai.", "openai.", "server.", "error."))
    ]
    return ", ".join(f"`{each}`" for each in found if each not in on_metrics_only) + "."


def attributes() -> str:
    """The table of span attributes, except those that the conventions define."""
    rows = ((f"`{each.name}`", each.type, each.meaning) for each in names.SPAN_ATTRIBUTES)
    return table(("span attribute", "type", "meaning"), rows)


def settings() -> str:
    """The settings, each in a section of its own so that it can be linked to."""
    return "\n\n".join(
        f"### `{name}`\n\n`{variable}` · default: {default} · allowed: {allowed}\n\n{meaning}."
        for name, variable, default, allowed, meaning in describe_settings()
    )


def bounds() -> str:
    """The table of bounds."""
    rows: list[tuple[str, str, str, str]] = []
    for what, module, constant in BOUNDS:
        meaning = docstrings(module)[constant]
        rows.append((what, f"{getattr(module, constant):,}", meaning.split()[0].lower().rstrip(","), meaning))
    return table(("what", "limit", "unit", "meaning"), rows)


def served(text: str) -> str:
    """The page on servers with its tables regenerated."""
    return rendered(text, {"servers": servers(), "simulated": simulated()})


def docstrings(module: ModuleType) -> Mapping[str, str]:
    """The string under each constant of a module, on one line."""
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
    """The README with its table regenerated."""
    return rendered(text, {"servers": known_servers()})


def emitted(text: str) -> str:
    """The page on telemetry with its tables regenerated."""
    return rendered(
        text,
        {
            "metrics": metrics(),
            "attributes": attributes(),
            "conventions' metrics": conventions_metrics(),
            "conventions' attributes": conventions_attributes(),
        },
    )


def settable(text: str) -> str:
    """The page on settings with its sections regenerated."""
    return rendered(text, {"settings": settings()})


def quoted(text: str) -> str:
    """A page with the current content of the files that it shows."""
    shown = re.findall(r"<!-- generated: (examples/\S+) -->", text)
    return rendered(text, {path: code_block(ROOT / path) for path in shown})


def code_block(path: Path) -> str:
    """A file as a Markdown code block; tests skip its Python here, because these files have tests of their own."""
    language = {".py": "python", ".yaml": "yaml"}.get(path.suffix, "text")
    skipped = "<!-- skip: next -->\n" if language == "python" else ""
    return f"{skipped}```{language}\n{path.read_text(encoding='utf-8').strip()}\n```"


def bounded(text: str) -> str:
    """The page on reliability with its table regenerated."""
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
    ROOT / "docs" / "reference" / "settings.md": settable,
    ROOT / "docs" / "reference" / "telemetry.md": emitted,
    ROOT / "docs" / "collector.md": quoted,
    ROOT / "docs" / "recipes" / "processes.md": quoted,
    ROOT / "docs" / "recipes" / "clients.md": quoted,
}


def main() -> int:
    """Write or check the pages; return 1 if one is found to be out of date."""
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
