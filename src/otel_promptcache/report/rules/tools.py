"""Findings about tools and output formats, which are at the start of each prompt."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.places import INSIDE_TOOLS, Place
from otel_promptcache.report.rules.prompt import VOLATILE
from otel_promptcache.report.rules.rule import Rule
from otel_promptcache.report.rules.snippets import Snippet

_FIRST = "Tools come before the messages, so everything after this place is processed again."


def _rule(
    rule_id: str,
    title: str,
    what: str,
    advice: str,
    *kinds: str,
    places: frozenset[Place] | None = None,
    snippet: Snippet | None = None,
) -> Rule:
    return Rule(
        id=rule_id,
        title=title,
        what=what,
        advice=advice,
        reasons=frozenset({"tools_changed"}),
        places=places,
        kinds=frozenset(kinds) if kinds else None,
        snippet=snippet,
    )


TOOL_RULES: tuple[Rule, ...] = (
    _rule(
        "tools-reordered",
        "The order of the tools changes",
        "The same tools come in a different order from request to request. They come before the messages, so "
        "nothing after the first tool that moved can be read from the cache.",
        "Sort the tools by name before they are sent.",
        "reordered",
        places=frozenset({Place.TOOLS}),
        snippet=snippets.SORTED_TOOLS,
    ),
    _rule(
        "tools-come-and-go",
        "The set of tools changes",
        f"Tools are added or left out from request to request. {_FIRST}",
        "{keep_tools}",
        "added",
        "removed",
        "truncated",
        places=frozenset({Place.TOOLS}),
        snippet=snippets.ALLOWED_TOOLS,
    ),
    _rule(
        "schema-reordered",
        "The order inside a tool's definition changes",
        "The definition of a tool has the same parts in a different order: keys of the schema, or arrays such as "
        f"`required` and `enum`, for example because they come from a set or a map. {_FIRST}",
        "Fix the order inside the schema: sort `required` and `enum`, and serialise with sorted keys. Or build the "
        "definitions once and send them unchanged.",
        "reordered",
        places=INSIDE_TOOLS,
        snippet=snippets.SORTED_SCHEMA,
    ),
    _rule(
        "tool-text-changes",
        "A tool's definition gains or loses text",
        "Something is added to the definition of a tool, or removed from it, such as an entry of a list in its "
        "description. " + _FIRST,
        "Keep the definition fixed, and move the part that changes (a list of skills, files or options) to the end "
        "of the input.",
        "added",
        "removed",
        places=INSIDE_TOOLS,
    ),
    _rule(
        "tools-volatile",
        "A tool's definition contains something that changes",
        f"A date, an id or a number in the definition of a tool changes. {_FIRST}",
        "Take it out of the definition. A description may say how to get a value instead of stating it.",
        *VOLATILE,
    ),
    _rule(
        "tools-changed",
        "The tools are not the same every time",
        f"The definition of a tool changes (its description or its parameters){{or_parallel}}. {_FIRST}",
        "Build the definitions once and send them unchanged, with the keys of the schemas in a fixed order.",
    ),
    Rule(
        id="format-changed",
        title="The output format changes",
        what="Requests that share a prompt ask for different output formats. The schema is part of the cached "
        "prefix, so they do not share its cache.",
        advice="Use one schema for all requests of a template, with its keys and arrays in a fixed order.",
        reasons=frozenset({"text_format_changed"}),
    ),
)
"""In the order in which they are tried."""
