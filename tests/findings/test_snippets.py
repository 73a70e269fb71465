"""The advised lines for the Responses API do what those for Chat Completions do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.snippets import ALL_SNIPPETS, RESPONSES, Snippet
from tests.findings.loop import ARGUMENTS, RULES, App, Loop, fill, report_of
from tests.findings.prompts import NAMES
from tests.unit.prompts import NEW, OLD, Body, prose, user

TOOLS = [
    {"type": "function", "name": name, "description": prose(120, name), "parameters": {"type": "object"}, "strict": False}
    for name in ("search", "read", "write", "run")
]  # fmt: skip
ALL_NAMES = [each["name"] for each in TOOLS]


def lines(snippet: Snippet, **names: Any) -> Any:
    return fill(snippet, RESPONSES, **names)


def asks(request: Callable[[int], tuple[list[Body], Body]]) -> Callable[[App], None]:
    """Eight requests, each with items and other members."""

    def traffic(app: App) -> None:
        for number in range(8):
            items, members = request(number)
            app.respond(*items, **members)

    return traffic


def _own(number: int) -> str:
    return f"You talk to {NAMES[number]}. {prose(200, NAMES[number])}"


def _rules(*items: Body) -> list[Body]:
    return [{"role": "developer", "content": RULES}, *items]


def _in_words(members: Body) -> tuple[list[Body], Body]:
    return members.pop("input"), members


CASES: dict[str, tuple[Callable[[int], tuple[list[Body], Body]], Callable[[int], tuple[list[Body], Body]]]] = {
    "breakpoint": (
        lambda number: ([user(prose(300, NAMES[number]))], {"model": NEW, "instructions": RULES}),
        lambda number: (
            [lines(snippets.BREAKPOINT, ROLE="developer", TEXT=RULES), user(prose(300, NAMES[number]))], {"model": NEW},
        ),
    ),
    "split message": (
        lambda number: ([{"role": "developer", "content": RULES + _own(number)}, user("Hi")], {"model": NEW}),
        lambda number: (
            [lines(snippets.SPLIT_MESSAGE, ROLE="developer", SHARED_TEXT=RULES, OTHER_TEXT=_own(number)), user("Hi")],
            {"model": NEW},
        ),
    ),
    "implicit mode": (
        lambda _: (_rules(user("Hi")), {"model": NEW, "prompt_cache_options": {"mode": "explicit"}}),
        lambda _: (_rules(user("Hi")), {"model": NEW, **lines(snippets.IMPLICIT_MODE)}),
    ),
    "cache key": (
        lambda number: (_rules(user("Hi")), {"model": NEW, "prompt_cache_key": f"user-{number}"}),
        lambda _: (_rules(user("Hi")), {"model": NEW, **lines(snippets.CACHE_KEY)}),
    ),
    "sorted tools": (
        lambda number: (_rules(user("Hi")), {"tools": TOOLS[number % 4 :] + TOOLS[: number % 4]}),
        lambda number: (
            _rules(user("Hi")), lines(snippets.SORTED_TOOLS, TOOLS=TOOLS[number % 4 :] + TOOLS[: number % 4]),
        ),
    ),
    "tools in words": (
        lambda number: (_rules(user("Hi")), {"tools": TOOLS[number % 3 :]}),
        lambda number: _in_words(
            lines(snippets.TOOLS_IN_WORDS, ALL_TOOLS=TOOLS, NAMES=ALL_NAMES[number % 3 :], MESSAGES=_rules(), QUESTION="Hi"),
        ),
    ),
    "allowed tools": (
        lambda number: (_rules(user("Hi")), {"tools": TOOLS[number % 3 :]}),
        lambda number: (
            _rules(user("Hi")), lines(snippets.ALLOWED_TOOLS, ALL_TOOLS=TOOLS, NAMES=ALL_NAMES[number % 3 :]),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_gone(name: str) -> None:
    flawed, fixed = map(asks, CASES[name])
    loop = Loop(flawed=flawed, fixed=fixed)
    before, after = report_of(flawed, loop), report_of(fixed, loop)
    assert (before.total.lost_tokens or 0) > 5_000
    assert not after.total.lost_tokens
    assert not [finding.rule.id for finding in after.findings if finding.reason]


@pytest.mark.parametrize("model", [NEW, OLD])
def test_a_longer_lifetime_outlasts_the_default(model: str) -> None:
    longer = lines(snippets.LONGER_TTL if model == NEW else snippets.LONGER_RETENTION)

    def traffic(members: Body) -> Callable[[App], None]:
        def send(app: App) -> None:
            for _ in range(4):
                app.respond(*_rules(user("Hi")), model=model, **members)
                app.clock.advance(4_000)

        return send

    plain = {} if model == NEW else {"prompt_cache_retention": "in_memory"}
    loop = Loop(flawed=traffic(plain), fixed=traffic(longer))
    before, after = report_of(loop.flawed, loop), report_of(loop.fixed, loop)
    assert before.findings[0].rule.id == "expired"
    assert "expired" not in {finding.rule.id for finding in after.findings}


def test_every_snippet_is_an_expression_of_names_in_capitals() -> None:
    for snippet in ALL_SNIPPETS.values():
        for source in filter(None, (snippet.chat, snippet.responses, snippet.messages)):
            source = f"dict({source})" if ARGUMENTS.match(source) else source  # noqa: PLW2901  # as it is run
            names = {name for name in compile(source, "snippet", "eval").co_names if name.isidentifier()}
            assert {name for name in names if name.isupper()} | {
                "json",
                "loads",
                "dumps",
                "sorted",
                "join",
                "dict",
                "client",
                "chat",
                "completions",
                "responses",
                "create",
            } >= names
