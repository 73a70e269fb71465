"""Settings that Claude's cache entries depend on: each changes within a conversation, and is kept by the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_promptcache.report.reading.record import MESSAGES
from otel_promptcache.report.rules.settings import CLAUDE_SETTINGS
from otel_promptcache.report.rules.snippets import Snippet
from tests.findings.loop import RULES, App, Loop, fill
from tests.findings.marks import marked, text, user
from tests.unit.prompts import Body, prose

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE: Body = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
SOURCE: Body = {"type": "text", "media_type": "text/plain", "data": prose(900, "document")}


def _conversation(
    turn_of: Callable[[int], tuple[Body, list[Body]]], headers: Callable[[int], Body]
) -> Callable[[App], None]:
    """A growing conversation, with different request members and different leading blocks in each turn."""

    def traffic(app: App) -> None:
        blocks = [text(prose(2_000, "history"))]
        for turn in range(8):
            blocks.append(text(f"And {turn}?"))
            members, first = turn_of(turn)
            messages = user(*first, *blocks[:-1], marked(blocks[-1]["text"]))
            app.message(messages, system=[marked(RULES)], extra_headers=headers(turn), **members)

    return traffic


def _lines(name: str) -> Snippet:
    """The advised lines for a setting."""
    snippet = CLAUDE_SETTINGS[name].snippet
    assert snippet is not None
    return snippet


def _setting(name: str, value_of: Callable[[int], Any], **names: Any) -> Loop:
    """A setting whose value differs in some turns and, with the remedy, is the same in all of them."""
    kept: Body = fill(_lines(name), MESSAGES, **names)

    def turn_of(turn: int) -> tuple[Body, list[Body]]:
        value = value_of(turn)
        return ({} if value is None else {name: value}), []

    return Loop(
        flawed=_conversation(turn_of, lambda _: None),
        fixed=_conversation(lambda _: (kept, []), lambda _: None),
    )


def _blocks(first_of: Callable[[int], list[Body]], kept: list[Body]) -> Loop:
    """The same for a setting that is read from the messages."""
    return Loop(
        flawed=_conversation(lambda turn: ({}, first_of(turn)), lambda _: None),
        fixed=_conversation(lambda _: ({}, kept), lambda _: None),
    )


def _beta_headers() -> Loop:
    members = fill(_lines("headers.anthropic-beta"), MESSAGES, BETAS=["b", "a"])
    return Loop(
        flawed=_conversation(lambda _: ({}, []), lambda turn: {"anthropic-beta": f"beta-{turn}"}),
        fixed=_conversation(lambda _: ({}, []), lambda _: members["extra_headers"]),
    )


EFFORT = {"effort": "high"}
THINKING = {"type": "enabled", "budget_tokens": 1_024}
TOOL_OF_CHOICE: Body = {"tools": [{"name": "search", "input_schema": {"type": "object"}}]}


def _spoiling(loop: Loop) -> Loop:
    """The same with a setting that the simulated provider does not know: each value finds an empty cache."""

    def flawed(app: App) -> None:
        send = app.message

        def message(*messages: Body, **members: Any) -> Any:
            app.simulator.evict()
            return send(*messages, **members)

        app.message = message  # type: ignore[method-assign]
        loop.flawed(app)

    return Loop(flawed=flawed, fixed=loop.fixed)


def _with_tool(loop: Loop) -> Loop:
    """The same with a tool to choose."""

    class WithTool(App):
        def message(self, *messages: Body, extra_headers: Body | None = None, **members: Any) -> Any:
            return super().message(*messages, extra_headers=extra_headers, **{**TOOL_OF_CHOICE, **members})

    return Loop(flawed=loop.flawed, fixed=loop.fixed, app=WithTool)


def _cited(is_on: bool) -> Body:  # the value itself
    switched: Body = {"type": "document", "source": SOURCE}
    return fill(_lines("citations"), MESSAGES, SOURCE=SOURCE) if is_on else switched


SETTING_LOOPS: dict[str, Loop] = {
    "tool_choice": _with_tool(
        _setting("tool_choice", lambda turn: {"type": "any" if turn % 2 else "auto"}),
    ),
    "thinking": _setting(
        "thinking", lambda turn: THINKING if turn % 2 else {"type": "disabled"}, THINKING={"type": "disabled"}
    ),
    "output_config": _setting(
        "output_config", lambda turn: EFFORT if turn % 2 else {"effort": "low"}, CONFIG=EFFORT
    ),
    "output_format": _setting(
        "output_format",
        lambda turn: {"type": "json_schema", "schema": {}} if turn % 2 else None,
        FORMAT={"type": "text"},
    ),
    "speed": _setting("speed", lambda turn: "fast" if turn % 2 else None, SPEED="standard"),
    "context_management": _spoiling(
        _setting("context_management", lambda turn: {"edits": [{"keep": turn}]}, EDITS={"edits": []})
    ),
    "mcp_servers": _spoiling(
        _setting("mcp_servers", lambda turn: [{"name": f"server {turn}"}], SERVERS=[{"name": "server"}])
    ),
    "headers.anthropic-beta": _spoiling(_beta_headers()),
    "images": _blocks(lambda turn: [IMAGE] if turn % 2 else [], [IMAGE]),
    "citations": _blocks(lambda turn: [_cited(is_on=turn % 2 == 1)], [_cited(is_on=True)]),
}
"""By the name of the setting."""
