"""Conversations and templates that share text."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.diagnosis.requests import (
    COLD,
    HIT,
    Application,
    Body,
    Request,
    assistant,
    chat,
    is_,
    system,
    text,
    tool,
    user,
)

_TURNS = 6
_NEWS = "One paragraph more was written by somebody, and it is here to stay. "


def two_sessions(rng: random.Random) -> Iterator[Request]:
    """Two conversations after the same rules; one has memories in its first turn."""
    rules = text(2_000, rng)
    one, other = ([user(text(700, rng))] for _ in range(2))
    yield Request(chat([system(rules), *one]), COLD)
    memories = f"{rules}\nThe user likes {text(200, rng)}"
    yield Request(chat([system(memories), *other]), HIT)
    for _ in range(3):
        one = [*one, assistant(text(300, rng)), user(text(60, rng))]
        yield Request(chat([system(rules), *one]), HIT)
    other = [*other, assistant(text(200, rng)), user("And?")]
    yield Request(
        chat([system(rules), *other]), is_("input_changed", path="messages[0].content", kinds="removed")
    )


def loops(rng: random.Random) -> Iterator[Request]:
    """Agent loops with tools, whose last step has none."""
    rules = system(text(1_800, rng))
    tools = [tool(name, text(120, rng)) for name in ("search", "read", "write")]
    for case in range(3):
        history = [user(text(200, rng))]
        for step in range(4):
            yield Request(chat([rules, *history], tools=tools), HIT if case or step else COLD)
            history = [*history, assistant(text(300, rng)), user(text(300, rng))]
        yield Request(chat([rules, *history]), is_("tools_changed", path="tools[0]", kinds="removed"))


def summaries(rng: random.Random) -> Iterator[Request]:
    """A chat with tools, and summaries without tools, which share the end of their rules."""
    tone = text(700, rng)
    chat_rules, summary_rules = system(text(900, rng) + tone), system(text(900, rng) + tone)
    tools = [tool(name, text(120, rng)) for name in ("search", "read", "write")]
    for number in range(4):
        yield Request(chat([chat_rules, user(text(60, rng))], tools=tools), HIT if number else COLD)
        truth = HIT if number else is_("cold_start", "input_changed")
        yield Request(chat([summary_rules, user(text(400, rng))]), truth)


def in_turn(rng: random.Random) -> Iterator[Request]:
    """Two templates in turn; then the tools of one in reverse order."""
    rules = text(1_800, rng)
    tools = [tool(name, text(150, rng)) for name in ("search", "read", "write", "run", "list", "ask")]
    for number in range(3):
        yield Request(chat([system(f"You plan. {rules}"), user(text(60, rng))]), HIT if number else COLD)
        truth = is_(None) if number else is_("cold_start", "input_changed")
        yield Request(chat([system(f"You book. {rules}"), user(text(60, rng))], tools=tools), truth)
    truth = is_("tools_changed", path="tools[0]", kinds="reordered")
    yield Request(chat([system(f"You book. {rules}"), user(text(60, rng))], tools=tools[::-1]), truth)


def deployed(rng: random.Random) -> Iterator[Request]:
    """Rules that gain a paragraph in a deployment."""
    head, tail = text(1_000, rng), text(2_500, rng)
    before, after = f"{head}{tail}", f"{head}{_NEWS}{tail}"
    changed = is_("input_changed", path="messages[0].content", kinds="added")
    for rules, truth in [(before, COLD), *[(before, HIT)] * 3, (after, changed), *[(after, HIT)] * 3]:
        yield Request(chat([system(rules), user(text(60, rng))]), truth)


def image(rng: random.Random) -> Iterator[Request]:
    """Images that later turns replace by a note."""
    rules, past = system(text(1_800, rng)), list[Body]()
    for turn in range(_TURNS):
        words = {"type": "text", "text": text(400, rng)}
        url = {
            "url": "data:image/png;base64,"
            + "".join(rng.choice("ABCDEFGHabcdefgh01234567") for _ in range(4_000))
        }
        yield Request(
            chat(
                [rules, *past, {"role": "user", "content": [{"type": "image_url", "image_url": url}, words]}]
            ),
            is_("input_changed", path=f"messages[{2 * turn - 1}].content[0]", kinds="edited removed")
            if turn
            else COLD,
        )
        note = {"type": "text", "text": "[an image was here]"}
        past = [*past, {"role": "user", "content": [note, words]}, assistant(text(300, rng))]


SHARING: dict[str, Application] = {
    "two sessions": two_sessions,
    "loops": loops,
    "summaries": summaries,
    "two templates": in_turn,
    "a deployment": deployed,
    "an image": image,
}
