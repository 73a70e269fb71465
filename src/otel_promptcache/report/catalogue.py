"""The findings as a page of documentation, from the table that also makes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from otel_promptcache.report.findings.misses import REASON_RULES
from otel_promptcache.report.rules.affinity import Server
from otel_promptcache.report.rules.opt_in import HOUR_NOT_NEEDED, MARKS_NOT_READ, OPT_IN_RULES
from otel_promptcache.report.rules.patterns import PATTERN_RULES
from otel_promptcache.report.rules.places import HISTORY, INSIDE_TOOLS, LEADING
from otel_promptcache.report.rules.prompt import PROMPT_RULES
from otel_promptcache.report.rules.rule import Rule, Situation
from otel_promptcache.report.rules.setup import OTHER_REASON, SETUP_RULES
from otel_promptcache.report.rules.snippets import Snippet
from otel_promptcache.report.rules.tools import TOOL_RULES

BEGIN, END = "<!-- generated: findings -->", "<!-- end: findings -->"

_COLUMNS = 120

_NAMES = {
    "place": "the leading part",
    "path": "messages[0].content",
    "message": "messages[0].content",
    **Server().wording,
    "affinity": "What to try depends on the server: " + Server().wording["affinity"],
}
"""What the page says instead of what a report knows."""

_OPT_IN = (*OPT_IN_RULES, MARKS_NOT_READ, HOUR_NOT_NEEDED)
ALL_RULES = (*REASON_RULES, *_OPT_IN, OTHER_REASON, *PATTERN_RULES)
"""Every kind of finding there is."""

_CHAPTERS: Sequence[tuple[str, Sequence[Rule]]] = (
    ("The prompt is not what it was", PROMPT_RULES),
    ("Tools and output format", TOOL_RULES),
    ("Settings, time, rate and the provider", (*SETUP_RULES, OTHER_REASON)),
    ("Seen in many calls together", PATTERN_RULES),
    ("A cache that holds only what is marked: Anthropic's", _OPT_IN),
)

_PLACES = {
    None: "anywhere",
    LEADING: "in the instructions or the first message",
    HISTORY: "in the conversation",
    INSIDE_TOOLS: "inside a definition",
}


def markdown() -> str:
    """Every finding with its meaning and its remedy."""
    blocks = (block for title, rules in _CHAPTERS for block in (f"## {title}", *_sections(rules)))
    return "\n\n".join(
        block if block.startswith("```") else "\n".join(wrap(block, _COLUMNS, break_on_hyphens=False))
        for block in blocks
    )


def refreshed(page: str) -> str:
    """The page with its generated part made anew.

    Raises:
        ValueError: The part is not marked exactly once.
    """
    if (page.count(BEGIN), page.count(END)) != (1, 1):
        raise ValueError(f"the page does not mark the place of {BEGIN} exactly once")
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n\n{markdown()}\n\n{END}{page.partition(END)[2]}"


def _sections(rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        yield f"### {written_out(rule.title)}"
        yield f"`{rule.id}` · {_when(rule)}Whose doing: {rule.cause.value}."
        yield written_out(rule.what)
        yield f"**What to do.** {written_out(rule.advice)}"
        yield from _code(rule.snippet)
        for situation, variant in rule.variants.items():
            if situation is not Situation.OTHER_TEMPLATE:  # the same for all
                yield f"**If {situation.value}.** {written_out(variant.what)} {written_out(variant.advice)}"
                yield from _code(variant.snippet)


def _code(snippet: Snippet | None) -> Iterator[str]:
    if snippet is None:
        return
    formats: dict[str, str] = {}  # equal lines once, by the first of their formats
    for name, lines in (
        ("Messages", snippet.messages),
        ("Chat Completions", snippet.chat),
        ("Responses", snippet.responses),
    ):
        if lines:
            formats.setdefault(lines, name)
    code = (lines if len(formats) == 1 else f"# {name}\n{lines}" for lines, name in formats.items())
    yield "```text\n" + "\n".join(code) + "\n```"


def _when(rule: Rule) -> str:
    if not rule.reasons:
        return ""
    text = "reason " + ", ".join(f"`{reason}`" for reason in sorted(rule.reasons))
    if rule.kinds is not None:
        text += ", kind " + ", ".join(f"`{kind}`" for kind in sorted(filter(None, rule.kinds)))
    place = _PLACES.get(rule.places, "in the conversation")
    return f"{text}. " if rule.places is None else f"{text}, {place}. "


def written_out(text: str) -> str:
    """A text of a rule as the page has it."""
    for name, value in _NAMES.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _main()
