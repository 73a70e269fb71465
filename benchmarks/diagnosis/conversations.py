"""Conversations with edited history, changing settings, provider misses and expired entries."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.diagnosis.requests import (
    COARSE,
    COLD,
    EXACT,
    HIT,
    WIDE,
    Application,
    Body,
    Request,
    Truth,
    assistant,
    chat,
    is_,
    system,
    text,
    tool,
    user,
    volatile,
)

_TURNS = 6
_MISSED = 0.4
History = Callable[[list[Body], int, random.Random], tuple[list[Body], Truth]]


def conversation(change: History) -> Application:
    """A conversation whose history is changed before some of its turns."""

    def requests(rng: random.Random) -> Iterator[Request]:
        rules, history = system(text(1_800, rng)), [user(text(400, rng))]
        yield Request(chat([rules, *history]), COLD)
        for turn in range(1, _TURNS):
            history = [*history, assistant(text(400, rng)), user(text(80, rng))]
            sent, truth = change(history, turn, rng)
            yield Request(chat([rules, *sent]), truth)

    return requests


def _changed(index: int, kinds: str) -> Truth:
    return is_("input_changed", path=f"messages[{index}].content", kinds=kinds)


def _truncated(history: list[Body], turn: int, _: random.Random) -> tuple[list[Body], Truth]:
    if turn < 3:  # noqa: PLR2004  # the history is still too short
        return history, HIT
    return history[2 * (turn - 2) :], _changed(1, "truncated")


def _edited(history: list[Body], turn: int, rng: random.Random) -> tuple[list[Body], Truth]:
    return [{**history[0], "content": text(400, rng)}, *history[1:]], _changed(
        1, "edited"
    ) if turn > 1 else HIT


def _stamped(history: list[Body], _: int, rng: random.Random) -> tuple[list[Body], Truth]:
    first = {**history[0], "content": f"At {volatile('timestamp', rng)} I ask this. " + history[0]["content"]}
    return [first, *history[1:]], _changed(1, "timestamp added")


def _inserted(history: list[Body], turn: int, rng: random.Random) -> tuple[list[Body], Truth]:
    return [history[0], user(text(60, rng)), *history[1:]], _changed(2, "added edited") if turn > 1 else HIT


def results(rng: random.Random) -> Iterator[Request]:
    """A tool result that gets shorter with each turn."""
    rules, log, tail = system(text(1_600, rng)), text(2_600, rng), list[Body]()
    call = {"id": "call_a", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    for turn in range(_TURNS):
        result = {"role": "tool", "tool_call_id": "call_a", "content": log[: 8_000 - 300 * turn]}
        messages = [
            rules,
            user("Read it."),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            result,
        ]
        tail += [user(text(60, rng)), assistant(text(500, rng))]
        truth = (
            is_("input_changed", path="messages[3].content", kinds="removed edited")
            if turn > 1
            else is_(None, "input_changed")
        )
        yield Request(
            chat([*messages, *tail, user("And?")], tools=[tool("read", "Reads.")]), truth if turn else COLD
        )


def memory(rng: random.Random) -> Iterator[Request]:
    """Memories at the end of the system prompt, but only in the first turn of each session."""
    rules = text(2_500, rng)
    for session in range(3):
        paste = user(text(1_400, rng))
        recalled = system(f"{rules}\n<memories>\n{text(250, rng)}</memories>")
        yield Request(chat([recalled, paste]), HIT if session else COLD)
        answered = [paste, assistant(text(300, rng)), user(text(40, rng))]
        yield Request(
            chat([system(rules), *answered]),
            is_("input_changed", path="messages[0].content", kinds="removed"),
        )
        yield Request(chat([system(rules), *answered, assistant(text(200, rng)), user("So?")]), HIT)


def setting(reason: str, model: str, *values: dict[str, Any]) -> Application:
    """One prompt with a setting that changes after every two requests."""

    def requests(rng: random.Random) -> Iterator[Request]:
        messages = [system(text(3_000, rng)), user("Hi")]
        for number, members in enumerate(values):
            yield Request(chat(messages, **{"model": model, **members}), is_(reason) if number else COLD)
            yield Request(chat(messages, **{"model": model, **members}), HIT)

    return requests


def missing(rng: random.Random) -> Iterator[Request]:
    """Now and then, the provider reads nothing of an unchanged prompt."""
    messages = [system(text(3_000, rng)), user("Hi")]
    yield Request(chat(messages), COLD)
    for _ in range(_TURNS):
        is_missed = rng.random() < _MISSED
        yield Request(
            chat(messages), is_("provider") if is_missed else HIT, fault="miss" if is_missed else None
        )


def explicit(rng: random.Random) -> Iterator[Request]:
    """Explicit mode without a breakpoint."""
    messages = [system(text(3_000, rng)), user("Hi")]
    for _ in range(3):
        yield Request(
            chat(messages, EXACT, prompt_cache_options={"mode": "explicit"}), is_("caching_disabled")
        )


def unmarked(rng: random.Random) -> Iterator[Request]:
    """New questions after rules that end without a breakpoint."""
    rules = system(text(3_000, rng))
    for number in range(4):
        truth = is_("no_matching_breakpoint") if number else COLD
        yield Request(chat([rules, user(text(60, rng))], EXACT), truth)


def lapsing(rng: random.Random) -> Iterator[Request]:
    """An unchanged prompt after pauses, some longer than the TTL and some shorter."""
    model, lifetime_seconds = rng.choice(((WIDE, 1_800), (EXACT, 1_800)))
    messages = [system(text(4_500, rng)), user("Hi")]
    yield Request(chat(messages, model), COLD)
    for _ in range(3):
        yield Request(chat(messages, model), HIT, wait_seconds=lifetime_seconds / 3)
        yield Request(chat(messages, model), is_("expired"), wait_seconds=lifetime_seconds + 60)


CONVERSATIONS: dict[str, Application] = {
    "head truncated": conversation(_truncated),
    "message edited": conversation(_edited),
    "message stamped": conversation(_stamped),
    "message inserted": conversation(_inserted),
    "result shortened": results,
    "memories": memory,
    "model": setting("model_changed", COARSE, {}, {"model": "gpt-4.1"}, {"model": WIDE}),
    "key": setting("prompt_cache_key_changed", EXACT, {"prompt_cache_key": "a"}, {"prompt_cache_key": "b"}),
    "tier": setting("service_tier_changed", COARSE, {}, {"service_tier": "priority"}, {"service_tier": "flex"}),
    "effort": setting("reasoning_effort_changed", COARSE, {}, {"reasoning_effort": "high"},
                      {"reasoning_effort": "low"}),
    "verbosity": setting("verbosity_changed", WIDE, {}, {"verbosity": "low"}, {"verbosity": "high"}),
    "format": setting(
        "text_format_changed", COARSE, {}, {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
    ),
    "parallel tool calls": setting("tools_changed", COARSE, {}, {"parallel_tool_calls": False}),
    "provider": missing,
    "explicit mode": explicit,
    "no breakpoint": unmarked,
}  # fmt: skip

ALONE: dict[str, Application] = {"lapsing": lapsing}
"""Applications that advance the clock, which would make the entries of others expire."""
