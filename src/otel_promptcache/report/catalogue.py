"""The findings as a page of documentation, from the table that also makes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import wrap

from otel_promptcache.providers.profiles import OTHER
from otel_promptcache.report.findings.misses import REASON_RULES
from otel_promptcache.report.rules.opt_in import HOUR_NOT_NEEDED, MARKS_NOT_READ, OPT_IN_RULES
from otel_promptcache.report.rules.patterns import PATTERN_RULES
from otel_promptcache.report.rules.phrases import APIS_WITH_MARKERS, PHRASES, Api, phrase
from otel_promptcache.report.rules.places import HISTORY, INSIDE_TOOLS, LEADING, Place
from otel_promptcache.report.rules.prompt import PROMPT_RULES
from otel_promptcache.report.rules.rule import Rule, Situation, Variant
from otel_promptcache.report.rules.server import Server
from otel_promptcache.report.rules.settings import SERVER_SETTINGS, SETTING_GROUPS
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
    "affinity": Server().wording["affinity"] + " For a provider that it knows, the report says what to send.",
    "routing": " A router has options for that, and the report names those of OpenRouter.",
    "report_cached": "Look for a setting of the server or the gateway. The report names the one of vLLM and of SGLang.",
    "minimum": "Providers cache only prompts of a minimum length, which depends on the model: 1,024 tokens with "
    "OpenAI, 512 to 4,096 with Claude.",
}
"""What the page says in place of what only a report knows."""

_KEY_NAMES = ("shared_key", "split_key", "and_key", "spread")
_WITHOUT_KEY = {name: Server(provider=OTHER).wording[name] for name in _KEY_NAMES}

_OPT_IN = (*OPT_IN_RULES, MARKS_NOT_READ, HOUR_NOT_NEEDED)
ALL_RULES = (*REASON_RULES, *_OPT_IN, OTHER_REASON, *PATTERN_RULES)
"""Every kind of finding."""

_CHAPTERS: Sequence[tuple[str, Sequence[Rule]]] = (
    ("The prompt changed", PROMPT_RULES),
    ("Tools and output format", TOOL_RULES),
    ("Settings, time, rate and the provider", (*SETUP_RULES, OTHER_REASON)),
    ("Patterns across many calls", PATTERN_RULES),
    ("A cache that stores only what is marked: Anthropic's", _OPT_IN),
)

_PLACES = {
    None: "anywhere",
    LEADING: "in the instructions or the first message",
    HISTORY: "in the conversation",
    INSIDE_TOOLS: "inside a definition",
    frozenset({Place.TOOLS}): "in the list of tools",
}


def markdown() -> str:
    """Every finding with its meaning and its remedy."""
    blocks = (block for title, rules in _CHAPTERS for block in (f"## {title}", *_sections(rules)))
    return "\n\n".join(
        block if block.startswith("```") else "\n".join(wrap(block, _COLUMNS, break_on_hyphens=False))
        for block in blocks
    )


def refreshed(page: str) -> str:
    """The page with its generated part replaced.

    Raises:
        ValueError: The part is not marked exactly once.
    """
    if (page.count(BEGIN), page.count(END)) != (1, 1):
        raise ValueError(f"the page does not mark the place of {BEGIN} exactly once")
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n\n{markdown()}\n\n{END}{page.partition(END)[2]}"


def _sections(rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        yield f"### {written_out(rule.title)}"
        yield f"`{rule.id}` · {_when(rule)}Cause: {rule.cause.value}."
        usual = Api.CLAUDE if rule in _OPT_IN else Api.OPENAI
        what, advice = rule.what, rule.advice
        if rule.settings:
            what, advice = _of_setting(what, "the setting"), _of_setting(advice, "the setting")
        yield written_out(what, usual)
        yield f"**What to do.** {written_out(advice, usual)}"
        yield from _code(rule.snippet)
        yield from _elsewhere(rule, usual)
        for situation, variant in rule.variants.items():
            if situation is not Situation.OTHER_TEMPLATE:  # the same for all
                yield from _variant(f"**If {situation.value}.**", variant, usual)
        for variant, names in _settings(rule):
            words = "it" if len(names) == 1 else "the setting"
            said = replace(
                variant, what=_of_setting(variant.what, words), advice=_of_setting(variant.advice, words)
            )
            yield from _variant(_heading(names), said, usual)


def _variant(condition: str, variant: Variant, usual: Api) -> Iterator[str]:
    yield f"{condition} {written_out(variant.what, usual)} {written_out(variant.advice, usual)}"
    yield from _code(variant.snippet)


def _settings(rule: Rule) -> Iterator[tuple[Variant, list[str]]]:
    """The texts about settings, each with the names of its settings; without those that are given elsewhere."""
    alike: dict[tuple[str, str], tuple[Variant, list[str]]] = {}
    for name, variant in rule.settings.items():
        if rule.settings is SERVER_SETTINGS or SERVER_SETTINGS.get(name) is not variant:
            alike.setdefault((variant.what, variant.advice), (variant, []))[1].append(name)
    yield from alike.values()


def _of_setting(text: str, words: str) -> str:
    """A text about a setting, with words for its name."""
    at_start = re.compile(r"(?:^|(?<=\. ))`\{path\}`")
    return at_start.sub(words.capitalize(), text).replace("`{path}`", words)


def _heading(names: Sequence[str]) -> str:
    """What introduces the text about settings."""
    listed = ", ".join(f"`{name}`" for name in names)
    group = next((group for group, members in SETTING_GROUPS.items() if tuple(names) == members), None)
    return f"**{group}** ({listed})." if group else f"**{listed}.**"


def _elsewhere(rule: Rule, usual: Api) -> Iterator[str]:
    """What is said instead for other APIs, a paragraph for all about which the same is said."""
    said: dict[str, list[str]] = {}
    for api in APIS_WITH_MARKERS if usual is Api.CLAUDE else Api:
        words = _differing(rule, api, usual)
        is_as_other_chats = api is Api.UNCACHED_CHAT and words == _differing(rule, Api.CLAUDE_CHAT, usual)
        if api is not usual and not is_as_other_chats:
            said.setdefault(words, []).append(api.value)
    for words, apis in said.items():
        if words:
            where = "Elsewhere" if len(said) == 1 else ", ".join((apis[0], *map(_lowered, apis[1:])))
            yield f"**{where}.** {words}"


def _differing(rule: Rule, api: Api, usual: Api) -> str:
    """The texts of a rule that an API words differently; empty if there are none."""
    return " ".join(
        written_out(text, api)
        for text in (rule.what, rule.advice)
        if any(f"{{{name}}}" in text for name in PHRASES)
        and written_out(text, api) != written_out(text, usual)
    )


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _code(snippet: Snippet | None) -> Iterator[str]:
    if snippet is None:
        return
    formats: dict[str, str] = {}  # equal lines once, under the first of their formats
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


def written_out(text: str, api: Api = Api.OPENAI) -> str:
    """A text of a rule as the page shows it."""
    names = _NAMES if api is Api.OPENAI else {**_NAMES, **_WITHOUT_KEY}
    for name, value in names.items():
        words = phrase(name, api) if name in PHRASES else None
        text = text.replace(f"{{{name}}}", value if words is None else words)
    return text


def _main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _main()
