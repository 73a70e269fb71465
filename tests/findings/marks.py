"""Flaws of markers in Anthropic's format, and their remedies, through its SDK."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from otel_promptcache.report.reading.record import MESSAGES
from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Situation
from otel_promptcache.report.rules.snippets import Snippet
from tests.findings.loop import RULES, App, Loop, fill
from tests.findings.prompts import NAMES
from tests.unit.prompts import Body, prose

Traffic = Callable[[App], None]


def text(content: str) -> Body:
    return {"type": "text", "text": content}


def marked(content: str, snippet: Snippet = snippets.MARKER) -> Body:
    """A block with the marker that the advice shows."""
    return fill(snippet, MESSAGES, TEXT=content)


def user(*blocks: Body) -> Body:
    return {"role": "user", "content": list(blocks)}


def each(system: Callable[[str], list[Body] | str], **members: Any) -> Traffic:
    """One question of each name."""

    def traffic(app: App) -> None:
        for name in NAMES[:8]:
            app.message(user(text(f"Question of {name}?")), system=system(name), **members)

    return traffic


def _pauses(app: App, *, mark: Snippet) -> None:
    for name in NAMES[:6]:
        app.message(user(text(f"Question of {name}?")), system=[marked(RULES, mark)])
        app.clock.advance(400)


def _choices(app: App, *, is_kept: bool) -> None:
    """A conversation in which every second turn must use a tool."""
    tool = {"name": "search", "input_schema": {"type": "object"}}
    blocks = [text(prose(2_000, "history"))]
    for turn in range(8):
        blocks.append(text(f"And {turn}?"))
        choice = {"type": "any"} if turn % 2 and not is_kept else {"type": "auto"}
        messages = user(*blocks[:-1], marked(blocks[-1]["text"]))
        app.message(messages, system=[marked(RULES)], tools=[tool], tool_choice=choice)


def _short(app: App, *, is_moved: bool) -> None:
    manual = prose(2_000, "manual")
    first = [marked("Be brief."), text(manual)] if not is_moved else [text("Be brief."), marked(manual)]
    for name in NAMES[:8]:
        app.message(user(text(f"Question of {name}?")), system=first)


def _fan_out(app: App, *, is_first_alone: bool, first_tokens: int = 32) -> None:
    """Requests that share a document and are sent at the same time, in each of several rounds."""
    for topic in ("one", "two", "three"):
        document = [marked(prose(2_400, topic))]
        if is_first_alone:
            app.message(user(text("Hi")), system=document, max_tokens=first_tokens)
        arrived = threading.Barrier(4)

        def send(name: str, document: list[Body] = document, arrived: threading.Barrier = arrived) -> None:
            arrived.wait()
            question = user(text(f"Question of {name}?"))
            app.message(question, system=document, extra_headers={"x-sim-fault": "slow"})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, NAMES[:4]))


def _one_shots(app: App, *, members: Body) -> None:
    for number in range(8):
        app.message(user(text(prose(1_800, f"diff {number}"))), system="Review this.", **members)


def _long_turns(app: App, *, further: int | None) -> None:
    """An agent that adds 25 blocks with each turn."""
    blocks: list[Body] = []
    for turn in range(5):
        blocks += [text(f"{prose(100, f'result {turn} {index}')}") for index in range(25)]
        marks = {len(blocks) - 1} | (set() if further is None else {len(blocks) - 1 - further})
        content = [marked(block["text"]) if index in marks else block for index, block in enumerate(blocks)]
        app.message(user(*content), system="You are an agent.")


def _own(name: str) -> str:
    return f"You talk to {name}. {prose(40, name)}"


def _returning(app: App, *, mark: Snippet, late: int, quick: int) -> None:
    """Conversations, some of which are resumed after a while; the others have only one question.

    Args:
        app: The application.
        mark: The marker at the end of their documents.
        late: How many are resumed.
        quick: How many are not.
    """
    documents = [prose(1_500, f"document {number}") for number in range(late + quick)]
    for document in documents:
        app.message(user(text("Hi")), system=[marked(document, mark)])
        app.clock.advance(20)
    app.clock.advance(900)
    for document in documents[:late]:
        app.message(user(text("And?")), system=[marked(document, mark)])


def _growing(app: App, *, mark: Snippet) -> None:
    blocks: list[Body] = []
    for turn in range(8):
        blocks.append(text(prose(700, f"turn {turn}")))
        app.message(user(*blocks[:-1], marked(blocks[-1]["text"], mark)), system="You are an agent.")
        app.clock.advance(30)


def _silent(app: App, *, fault: str | None) -> None:
    """Streams through a gateway that drops their usage."""
    headers = {"extra_headers": {"x-sim-fault": fault}} if fault else {}
    for name in NAMES[:8]:
        app.message(user(text(f"Question of {name}?")), system=[marked(RULES)], stream=True, **headers)


SILENT_LOOP = Loop(
    flawed=lambda app: _silent(app, fault="usage_missing"), fixed=lambda app: _silent(app, fault=None)
)

MARK_LOOPS: dict[str, Loop] = {
    "markers-absent": Loop(flawed=each(lambda _: RULES), fixed=each(lambda _: [marked(RULES)])),
    "marked-setting-changed": Loop(
        flawed=lambda app: _choices(app, is_kept=False), fixed=lambda app: _choices(app, is_kept=True)
    ),
    "marked-prefix-expired": Loop(
        flawed=lambda app: _pauses(app, mark=snippets.MARKER),
        fixed=lambda app: _pauses(app, mark=snippets.HOUR),
    ),
    "marked-part-too-short": Loop(
        flawed=lambda app: _short(app, is_moved=False), fixed=lambda app: _short(app, is_moved=True)
    ),
    "concurrent-writes": Loop(
        flawed=lambda app: _fan_out(app, is_first_alone=False),
        fixed=lambda app: _fan_out(app, is_first_alone=True),
        config={"slow_seconds": 0.3},
    ),
    "marks-not-read": Loop(
        flawed=lambda app: _one_shots(app, members=fill(snippets.AUTOMATIC_MARKER, MESSAGES)["extra_body"]),
        fixed=lambda app: _one_shots(app, members={}),
    ),
}
FILLING_LOOP = Loop(
    flawed=lambda app: _fan_out(app, is_first_alone=False),
    fixed=lambda app: _fan_out(app, is_first_alone=True, first_tokens=0),
    config={"slow_seconds": 0.3},
)
MISPLACED_LOOPS: dict[Situation, Loop] = {
    Situation.HISTORY_GREW: Loop(
        flawed=lambda app: _long_turns(app, further=None), fixed=lambda app: _long_turns(app, further=12)
    ),
    Situation.MESSAGE_ENDS: Loop(
        flawed=each(lambda name: [text(RULES), marked(_own(name))]),
        fixed=each(lambda name: [marked(RULES), text(_own(name))]),
    ),
    Situation.INSIDE_A_MESSAGE: Loop(
        flawed=each(lambda name: [marked(RULES + _own(name))]),
        fixed=each(lambda name: [marked(RULES), text(_own(name))]),
    ),
}
HOUR_LOOPS = {
    "no pauses": Loop(
        flawed=lambda app: _growing(app, mark=snippets.HOUR),
        fixed=lambda app: _growing(app, mark=snippets.MARKER),
    ),
    "few come back late": Loop(
        flawed=lambda app: _returning(app, mark=snippets.HOUR, late=2, quick=6),
        fixed=lambda app: _returning(app, mark=snippets.MARKER, late=2, quick=6),
    ),
}
HOUR_PAYS = Loop(
    flawed=lambda app: _returning(app, mark=snippets.MARKER, late=6, quick=2),
    fixed=lambda app: _returning(app, mark=snippets.HOUR, late=6, quick=2),
)
