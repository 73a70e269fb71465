"""Flaws of instructions and messages, and their remedies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_promptcache.report.rules import snippets
from tests.findings.loop import RULES, TOOLS, App, Loop, fill
from tests.unit.prompts import NEW, Body, assistant, prose, user

TIMES = [f"2026-11-20T11:46:{second}Z" for second in range(10, 18)]
IDS = [f"8f14e45f-ceea-467f-a9d3-1f2b3c4d5e{number:02x}" for number in range(8)]
NAMES = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gil", "Hal"]


def in_front(line: Callable[[int], str]) -> Loop:
    """A line on top of the system prompt; the remedy puts it after the question."""

    def flawed(app: App) -> None:
        for number in range(8):
            app.chat(app.rules(f"{line(number)}\n{RULES}"), user(f"Question of {NAMES[number]}?"))

    def fixed(app: App) -> None:
        for number in range(8):
            app.chat(app.rules(), user(f"Question of {NAMES[number]}?\n{line(number)}"))

    return Loop(flawed=flawed, fixed=fixed)


PARTS = [prose(500, topic) for topic in ("refunds", "orders", "parcels", "claims")]


def _reordered(app: App, *, is_sorted: bool) -> None:
    for number in range(8):
        parts = PARTS[number % 4 :] + PARTS[: number % 4]
        app.chat(
            app.rules("".join(sorted(parts) if is_sorted else parts)), user(f"Question of {NAMES[number]}?")
        )


def _memory(app: App, *, is_kept: bool) -> None:
    """A block of memories that is recalled in the first turn only."""
    for name in NAMES[:4]:
        paste, history = prose(900, name), list[Body]()
        for turn in range(3):
            memory = f"\nMemories:\n{prose(200, 'memory of ' + name)}" if is_kept or turn == 0 else ""
            history.append(user(paste if turn == 0 else f"And {turn} of {name}?"))
            app.chat(app.rules(RULES + memory), *history)
            history.append(assistant(prose(100, f"{name} {turn}")))


def _inserted(app: App, *, is_appended: bool) -> None:
    for number in range(8):
        news = "".join(prose(40, f"news {each}") for each in range(number + 1))
        head = prose(60, "head")
        app.chat(app.rules(head + RULES + news if is_appended else head + news + RULES), user("Hi"))


def _templates(app: App, *, is_shared: bool) -> None:
    for number in range(8):
        customer = f"You work for {NAMES[number]}, who sells {prose(20, NAMES[number])}\n"
        app.chat(
            app.rules(RULES if is_shared else customer + RULES), user(f"{customer if is_shared else ''}Hi")
        )


def conversation(
    change: Callable[[list[Body], int], list[Body]], *, turns: int = 7, **members: Any
) -> Callable[[App], None]:
    """A conversation whose history is changed before each turn."""

    def traffic(app: App) -> None:
        history = list[Body]()
        for turn in range(turns):
            history = [*history, user(f"{prose(60, f'question {turn}')}And {NAMES[turn]}?")]
            app.chat(app.rules(prose(1_400)), *change(history, turn), **members)
            history = [*history, assistant(prose(400, f"answer {turn}"))]

    return traffic


def unchanged(history: list[Body], _: int) -> list[Body]:
    return history


def _truncated(history: list[Body], _: int) -> list[Body]:
    return history[-5:]


def _truncated_rarely(history: list[Body], turn: int) -> list[Body]:
    return history[max(0, turn - 1) // 6 * 6 :]


def _stamped(history: list[Body], turn: int) -> list[Body]:
    return [{**history[0], "content": f"[{TIMES[turn]}] {history[0]['content']}"}, *history[1:]]


def _reminded(history: list[Body], turn: int) -> list[Body]:
    reminder = [user(prose(30, f"reminder {each}")) for each in range(turn + 1)]
    return [*history[:1], *reminder, *history[1:]]


def _reminded_at_the_end(history: list[Body], turn: int) -> list[Body]:
    return [*history, user(prose(30, f"reminder {turn}"))]


def _pruned(history: list[Body], turn: int) -> list[Body]:
    return [message for index, message in enumerate(history) if index == 0 or index > turn or index % 2 == 0]


def _swapped(history: list[Body], turn: int) -> list[Body]:
    return history if turn < 3 or turn % 2 else [history[0], history[3], history[2], history[1], *history[4:]]


def _polished(history: list[Body], turn: int) -> list[Body]:
    return [
        *history[:1],
        *({**m, "content": f"Draft {'abcdefg'[turn]}: " + m["content"]} for m in history[1:2]),
        *history[2:],
    ]


def _calls(arguments: Callable[[int], str]) -> Callable[[App], None]:
    def traffic(app: App) -> None:
        for number in range(6):
            call = {
                "id": "call_a",
                "type": "function",
                "function": {"name": "read", "arguments": arguments(number)},
            }
            app.chat(
                app.rules(prose(1_400)), user("Book it."), {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_a", "content": prose(900, "result")},
                assistant(prose(300, "done")), user(f"And {NAMES[number]}?"), tools=TOOLS,
            )  # fmt: skip

    return traffic


KEYS = ("target", "origin", "carrier")


def _arguments(order: Callable[[int], tuple[str, ...]]) -> Callable[[int], str]:
    return lambda number: "{" + ", ".join(f'"{key}": "{prose(60, key)}"' for key in order(number)) + "}"


def _results(app: App, *, is_cut: bool) -> None:
    tail = list[Body]()
    for number in range(6):
        output = prose(1_500, "log")[: 5_000 - 240 * number if is_cut else 5_000]
        app.respond(
            user("Read the log."),
            {"type": "function_call", "call_id": "call_a", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_a", "output": output},
            *tail, user(f"And {NAMES[number]}?"), instructions=prose(1_400),
        )  # fmt: skip
        tail += [user(f"And {NAMES[number]}?"), assistant(prose(300, f"answer {number}"))]


def _diagnosed(app: App, *, is_same: bool) -> None:
    """A conversation that the provider stores; its own diagnostics say what we cannot see."""
    for number in range(4):
        first = app.respond(
            user(prose(1_500, "start" if is_same else f"start {number}")), model=NEW, instructions="x"
        )
        app.respond(
            user("Hi"), model=NEW, instructions=RULES if is_same else prose(2_400, NAMES[number]), previous_response_id=first.id,
            prompt_cache_options={"comparison_response_id": first.id},
        )  # fmt: skip


def _document(app: App, *, is_first: bool) -> None:
    """Agents that read one document after their own rules."""
    document = prose(2_000, "document")
    agents = [prose(400, agent) for agent in ("lawyer", "editor", "teacher")]
    for number in range(9):
        rules = agents[number % 3]
        question = user(f"What about {NAMES[number % 8]}{number}?")
        messages = (
            [app.rules(document), user(rules), question]
            if is_first
            else [app.rules(rules), user(document), question]
        )
        app.prefix = f"agent {number % 3}"
        app.chat(*messages)


PROMPT_LOOPS: dict[str, Loop] = {
    "time-in-front": in_front(lambda number: f"The time is {TIMES[number]}."),
    "id-in-front": in_front(lambda number: f"Session {IDS[number]}."),
    "number-in-front": in_front(lambda number: f"This is request {number + 17}."),
    "reordered-in-front": Loop(
        flawed=lambda app: _reordered(app, is_sorted=False), fixed=lambda app: _reordered(app, is_sorted=True)
    ),
    "inserted-in-front": Loop(
        flawed=lambda app: _inserted(app, is_appended=False),
        fixed=lambda app: _inserted(app, is_appended=True),
    ),
    "removed-in-front": Loop(
        flawed=lambda app: _memory(app, is_kept=False), fixed=lambda app: _memory(app, is_kept=True)
    ),
    "edited-in-front": Loop(
        flawed=lambda app: _templates(app, is_shared=False), fixed=lambda app: _templates(app, is_shared=True)
    ),
    "history-truncated": Loop(flawed=conversation(_truncated), fixed=conversation(_truncated_rarely)),
    "volatile-history": Loop(flawed=conversation(_stamped), fixed=conversation(unchanged)),
    "history-inserted": Loop(flawed=conversation(_reminded), fixed=conversation(_reminded_at_the_end)),
    "history-removed": Loop(flawed=conversation(_pruned), fixed=conversation(unchanged)),
    "history-reordered": Loop(flawed=conversation(_swapped), fixed=conversation(unchanged)),
    "history-edited": Loop(flawed=conversation(_polished), fixed=conversation(unchanged)),
    "arguments-rewritten": Loop(
        flawed=_calls(_arguments(lambda number: KEYS[number % 3 :] + KEYS[: number % 3])),
        fixed=_calls(_arguments(lambda _: KEYS)),
    ),
    "results-rewritten": Loop(
        flawed=lambda app: _results(app, is_cut=True), fixed=lambda app: _results(app, is_cut=False)
    ),
    "input-changed": Loop(
        flawed=lambda app: _diagnosed(app, is_same=False), fixed=lambda app: _diagnosed(app, is_same=True)
    ),
}

EXPLICIT = {"prompt_cache_options": {"mode": "explicit"}}


def _marked(text: str, role: str = "system") -> Body:
    message: Body = fill(snippets.BREAKPOINT, ROLE=role, TEXT=text)
    return message


def _static_prefix(app: App, *, members: Body) -> None:
    """Explicit mode with one breakpoint after the static prefix, and a growing history."""
    history = list[Body]()
    for turn in range(6):
        history.append(user(prose(500, f"question {turn}")))
        app.chat(_marked(RULES), *history, model=NEW, **members)
        history.append(assistant(prose(500, f"answer {turn}")))


def _unmarked_rules(app: App, *, is_marked: bool) -> None:
    """Questions after the same rules, which end without a breakpoint."""
    for name in NAMES[:6]:
        app.chat(_marked(RULES) if is_marked else app.rules(), user(prose(300, name)), model=NEW)


def _unsplit_rules(app: App, *, is_split: bool) -> None:
    """Rules and user-specific text in one message."""
    for name in NAMES[:6]:
        own = f"You talk to {name}. {prose(200, name)}"
        whole = app.rules(RULES + own)
        split = fill(snippets.SPLIT_MESSAGE, ROLE="system", SHARED_TEXT=RULES, OTHER_TEXT=own)
        app.chat(split if is_split else whole, user("Hi"), model=NEW)


BREAKPOINT_LOOPS: dict[str, Loop] = {
    "the history grew": Loop(
        flawed=lambda app: _static_prefix(app, members=EXPLICIT),
        fixed=lambda app: _static_prefix(app, members=fill(snippets.IMPLICIT_MODE)),
    ),
    "a message ends": Loop(
        flawed=lambda app: _unmarked_rules(app, is_marked=False),
        fixed=lambda app: _unmarked_rules(app, is_marked=True),
    ),
    "inside a message": Loop(
        flawed=lambda app: _unsplit_rules(app, is_split=False),
        fixed=lambda app: _unsplit_rules(app, is_split=True),
    ),
}
"""The variants of `no-matching-breakpoint`."""


def _new_models(app: App, *, is_apart: bool) -> None:
    """News in the rules or, with the remedy, in their own message after a breakpoint."""
    head = prose(60, "head")
    for number in range(8):
        news = "".join(prose(40, f"news {each}") for each in range(number + 1))
        if is_apart:
            app.chat(_marked(head + RULES), app.rules(news), user("Hi"), model=NEW)
        else:
            app.chat(app.rules(head + news + RULES), user("Hi"), model=NEW)


NEW_MODEL_LOOP = Loop(
    flawed=lambda app: _new_models(app, is_apart=False), fixed=lambda app: _new_models(app, is_apart=True)
)
"""The loop of `inserted-in-front` if only what ends at a breakpoint can be read."""

OTHER_TEMPLATE_LOOP = Loop(
    flawed=lambda app: _document(app, is_first=False), fixed=lambda app: _document(app, is_first=True)
)
