"""The applications of the other flaws with Claude: through Anthropic's SDK, with markers where they belong."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from otel_promptcache.report.reading.record import MESSAGES
from otel_promptcache.report.rules import snippets
from tests.findings.loop import CLAUDE, RULES, App, Loop, fill
from tests.findings.marks import marked, text, user
from tests.findings.prompts import NAMES, PROMPT_LOOPS, TIMES, conversation, unchanged
from tests.findings.tools import TOOL_LOOPS
from tests.unit.prompts import Body, prose

MARK: Body = {"cache_control": {"type": "ephemeral"}}


class ClaudeApp(App):
    """Sends chats as Messages, with markers after the tools, the system prompt and each of the last two messages."""

    def chat(self, *messages: Body, **members: Any) -> Any:
        """Send a chat."""
        system = [text(each["content"]) for each in messages if each["role"] == "system"]
        others = [_message(each) for each in messages if each["role"] != "system"]
        for each in others[-2:]:
            each["content"][-1] |= MARK
        if system:
            system[-1] |= MARK
        tools = [_tool(each) for each in members.get("tools", ())]
        if tools:
            tools[-1] |= MARK
        return self.message(*others, system=system, **({"tools": tools} if tools else {}))


def _message(message: Body) -> Body:
    blocks = [text(message["content"])] if message.get("content") else []
    if message["role"] == "tool":
        result = {
            "type": "tool_result",
            "tool_use_id": message["tool_call_id"],
            "content": message["content"],
        }
        return {"role": "user", "content": [result]}
    for call in message.get("tool_calls", ()):
        arguments = json.loads(call["function"]["arguments"])
        blocks.append(
            {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": arguments}
        )
    return {"role": message["role"], "content": blocks}


def _tool(tool: Body) -> Body:
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": function["parameters"],
    }


def _as_claude(loops: dict[str, Loop], without: Sequence[str]) -> Iterator[tuple[str, Loop]]:
    for rule_id, loop in loops.items():
        if rule_id not in without:
            yield rule_id, Loop(flawed=loop.flawed, fixed=loop.fixed, app=ClaudeApp)


TOOLS: list[Body] = [
    {"name": name, "description": prose(120, name), "input_schema": {"type": "object"}}
    for name in ("search", "read", "write", "run")
]


def _tool_sets(app: App, *, is_in_words: bool) -> None:
    """A different choice of tools for each question."""
    names = [each["name"] for each in TOOLS]
    for number in range(8):
        question, chosen = f"Question of {NAMES[number]}?", TOOLS[number % 3 :]
        if is_in_words:
            members = fill(
                snippets.TOOLS_IN_WORDS, MESSAGES, ALL_TOOLS=TOOLS, MESSAGES=[], QUESTION=question,
                NAMES=names[number % 3 :],
            )  # fmt: skip
            app.message(*members.pop("messages"), system=[marked(RULES)], **members)
        else:
            app.message(user(text(question)), system=[marked(RULES)], tools=chosen)


def _results(app: App, *, is_cut: bool) -> None:
    """A tool result that is cut shorter with each turn."""
    tail = list[Body]()
    for number in range(6):
        output = prose(1_500, "log")[: 5_000 - 240 * number if is_cut else 5_000]
        use = {"type": "tool_use", "id": "toolu_a", "name": "read", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_a", "content": [text(output)]}
        app.message(
            user(text("Read the log.")), {"role": "assistant", "content": [use]}, user(result), *tail,
            user(marked(f"And {NAMES[number]}?")), system=[marked(prose(1_400))], tools=TOOLS,
        )  # fmt: skip
        answer = {"role": "assistant", "content": [text(prose(900, f"answer {number}"))]}
        tail += [user(text(f"And {NAMES[number]}?")), answer]


def _inserted(app: App, *, is_appended: bool) -> None:
    """News in the system prompt, with more of them in each request."""
    head = prose(60, "head")
    for number in range(8):
        news = "".join(prose(40, f"news {each}") for each in range(number + 1))
        blocks = [marked(head + RULES), text(news)] if is_appended else [marked(head + news + RULES)]
        app.message(user(text("Hi")), system=blocks)


def _memory(app: App, *, is_kept: bool) -> None:
    """A block of memories that is recalled in the first turn only."""
    for name in NAMES[:4]:
        paste, blocks = prose(900, name), list[Body]()
        memory = f"\nMemories:\n{prose(600, 'memory of ' + name)}"
        for turn in range(3):
            blocks.append(text(paste if turn == 0 else f"And {turn} of {name}?"))
            shared, own = (
                [marked(prose(700, "shared"))],
                text(f"You talk to {name}.{prose(700, 'own ' + name)}"),
            )
            recalled = [marked(memory)] if is_kept or turn == 0 else []
            question = user(*blocks[:-1], marked(blocks[-1]["text"]))
            app.message(question, system=[*shared, *recalled, own])


def _stamped(history: list[Body], turn: int) -> list[Body]:
    stamped = [{**each, "content": f"[{TIMES[turn]}] {each['content']}"} for each in history[1:2]]
    return [*history[:1], *stamped, *history[2:]]


def _diagnosed(app: App, *, part: str, is_same: bool) -> None:
    """Requests that ask the API itself to compare them with one that another process has sent."""
    for number in range(6):
        own = prose(40, NAMES[number])
        first = text(prose(1_500, "start"))
        changed = text((own if part == "messages" else "") + first["text"])
        others = _sent_elsewhere(
            app, [marked((own if part == "system" else "") + RULES)], user(changed | MARK)
        )
        head, start = (own if part == "system" else "", changed) if is_same else ("", first)
        app.message(
            user(start | MARK), user(text(f"And {NAMES[number]}?")), system=[marked(head + RULES)],
            diagnostics={"previous_message_id": others},
        )  # fmt: skip


def _sent_elsewhere(app: App, system: list[Body], *messages: Body) -> str:
    """Send a message that is not observed, and return its id."""
    body = {
        "model": CLAUDE, "max_tokens": 32, "system": system, "messages": messages,
        "diagnostics": {"previous_message_id": None},
    }  # fmt: skip
    headers = {"x-api-key": app.api_key, "content-type": "application/json"}
    url = f"{app.simulator.url}/v1/messages"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  # of our own
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # likewise
        return str(json.load(answer)["id"])


OWN: dict[str, Loop] = {
    "tools-come-and-go": Loop(
        flawed=lambda app: _tool_sets(app, is_in_words=False),
        fixed=lambda app: _tool_sets(app, is_in_words=True),
    ),
    "results-rewritten": Loop(
        flawed=lambda app: _results(app, is_cut=True), fixed=lambda app: _results(app, is_cut=False)
    ),
    "inserted-in-front": Loop(
        flawed=lambda app: _inserted(app, is_appended=False),
        fixed=lambda app: _inserted(app, is_appended=True),
    ),
    "removed-in-front": Loop(
        flawed=lambda app: _memory(app, is_kept=False), fixed=lambda app: _memory(app, is_kept=True)
    ),
    "volatile-history": Loop(flawed=conversation(_stamped), fixed=conversation(unchanged), app=ClaudeApp),
}
"""Loops whose flaw or remedy differs from that in a chat."""
CLAUDE_LOOPS: dict[str, Loop] = {
    **dict(_as_claude(PROMPT_LOOPS, ("input-changed", *OWN))),
    **dict(_as_claude(TOOL_LOOPS, ("format-changed", *OWN))),
    **OWN,
}
"""The loops of the other findings, with Claude."""

DIAGNOSED_LOOPS: dict[str, tuple[str, Loop]] = {
    part: (
        rule_id,
        Loop(
            flawed=lambda app, part=part: _diagnosed(app, part=part, is_same=False),
            fixed=lambda app, part=part: _diagnosed(app, part=part, is_same=True),
        ),
    )
    for part, rule_id in (("system", "edited-in-front"), ("messages", "history-edited"))
}
"""The finding and the loop of what the API itself says, by the part of the request that it names."""
