"""Which earlier prompt a new one is compared with, in mixed traffic of several conversations and templates."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.comparison.comparison import Comparison
from otel_promptcache.wire.openai.responses import RESPONSES
from tests.unit.prompts import Application, Body, assistant, chat, prose, system, tool, user

S = prose(1_600)
TOOLS = [tool(name, prose(80, name)) for name in ("search", "read", "write", "run", "list", "ask")]


def compared(*bodies: Body, wire: Any = None) -> Comparison:
    """Compare the last of some prompts with those before it."""
    application = Application(wire) if wire else Application()
    *earlier, last = bodies
    for body in earlier:
        application.send(body)
    comparison = application.comparison(last)
    assert comparison is not None
    return comparison


def place(comparison: Comparison) -> tuple[str, str]:
    assert comparison.divergence is not None
    return comparison.divergence.path, comparison.divergence.kind.value


def turns(topic: str, count: int) -> list[Body]:
    return [
        turn
        for number in range(count)
        for turn in (
            user(prose(60, f"{topic} asks {number}")),
            assistant(prose(200, f"{topic} hears {number}")),
        )
    ]


def test_the_conversation_counts_and_not_the_other_one_with_the_longer_common_start() -> None:
    a, b = turns("a", 3), turns("b", 3)
    memo = system(S + "\nThe user likes tea and asked about trains last week.\n")
    comparison = compared(
        chat(system(S), *a), chat(memo, *b[:1]), chat(system(S), *b[:3])
    )  # fmt: skip
    assert place(comparison) == ("messages[0].content", "removed")


def step(case: str, number: int, tools: list[Body]) -> Body:
    call = {"id": "call_a", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    history = [
        message
        for each in range(number)
        for message in (
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_a", "content": prose(300, f"{case} {each}")},
        )
    ]
    members = {"tools": tools} if tools else {}
    return chat(system(S), user(f"Case {case}: " + prose(40, case)), *history, **members)


def test_the_last_step_of_a_loop_is_compared_with_its_own_loop() -> None:
    loops = [
        [*(step(case, number, TOOLS) for number in range(4)), step(case, 4, [])]
        for case in ("apples", "pears")
    ]
    comparison = compared(*loops[0], *loops[1])
    assert place(comparison) == ("tools[0]", "removed")
    assert not comparison.is_other_template


def test_tools_in_another_order_are_seen_beside_a_template_without_tools() -> None:
    g = [chat(system("You plan trips.\n" + S), user(prose(40, f"trip {number}"))) for number in range(3)]
    h = [
        chat(
            system(f"You book trips for client {number}.\n" + S),
            user(prose(40, f"book {number}")),
            tools=TOOLS,
        )
        for number in range(3)
    ]
    traffic = [body for pair in zip(g, h, strict=True) for body in pair]
    comparison = compared(*traffic, {**h[2], "tools": TOOLS[::-1]})
    assert place(comparison) == ("tools[0]", "reordered")


@pytest.mark.parametrize(
    ("other", "mine", "is_other"),
    [
        (chat(system(S), *turns("a", 2), tools=TOOLS), chat(system("Sum up.\n"), *turns("a", 2), user("Now.")), True),
        (chat(system(S), *turns("a", 2), tools=TOOLS), chat(system(S), user(prose(900, "text"))), True),
        (chat(system(S), *turns("a", 2), tools=TOOLS), chat(system(S), *turns("a", 2), user("Sum up.")), False),
        (chat(system(S), user("a"), tools=TOOLS), chat(system(S), user("b"), tools=TOOLS[1:]), False),
        (chat(system("You talk to Ann.\n" + S)), chat(system("You talk to Bob.\n" + S)), False),
        (chat(system(prose(1_200, "x") + S)), chat(system(prose(1_200, "y") + S)), True),
    ],
    ids=[
        "a summary of the history", "the same rules without tools", "the last step without tools", "a tool less",
        "a name on top", "other rules in front of the same ones",
    ],
)  # fmt: skip
def test_whose_text_is_shared(other: Body, mine: Body, *, is_other: bool) -> None:
    assert compared(other, mine).is_other_template is is_other


def test_content_that_is_spread_over_a_prompt_counts_wherever_it_is() -> None:
    documents = [user(prose(200, f"document {number}")) for number in range(12)]
    few = [chat(system("Other."), user(prose(30, f"{n}")), documents[n]) for n in range(6)]
    most = chat(system("One more."), *documents)
    late = [chat(system("Late."), user(prose(30, f"late {n}")), documents[n]) for n in range(6)]
    comparison = compared(*few, most, *late, chat(system("New."), *documents))
    assert comparison.nearest.prompt.links[-1].content == comparison.nearest.prompt.links[12].content


CLOCK = "The clock says nine thirty"


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (
            {"role": "tool", "tool_call_id": "call_a", "content": prose(900, "log")},
            {"role": "tool", "tool_call_id": "call_a", "content": prose(860, "log")},
            "messages[2].content",
        ),
        (
            {"role": "tool", "tool_call_id": "call_a", "content": prose(900, "log") + "At 9:30."},
            {"role": "tool", "tool_call_id": "call_a", "content": prose(900, "log") + "At 9:31."},
            "messages[2].content",
        ),
        (
            {"role": "user", "name": "ann", "content": prose(900, "log") + "At 9:30."},
            {"role": "user", "name": "ann", "content": prose(900, "log") + "At 9:31."},
            "messages[2].content",
        ),
        (
            {"role": "assistant", "content": prose(900, "log") + "At 9:30.", "tool_calls": [{"id": "x"}]},
            {"role": "assistant", "content": prose(900, "log") + "At 9:31.", "tool_calls": [{"id": "x"}]},
            "messages[2].content",
        ),
        (
            {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": prose(900, "log") + "At 9:30."}]},
            {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": prose(900, "log") + "At 9:31."}]},
            "messages[2].content[0].text",
        ),
    ],
    ids=["a shorter result", "a clock at its end", "a name beside it", "tool calls beside it", "in parts"],
)  # fmt: skip
def test_each_text_of_a_chat_is_cut_whatever_is_beside_it(before: Body, after: Body, path: str) -> None:
    rest = [user(prose(900, "more")), user("Go on.")]
    comparison = compared(
        chat(system(S), user("Read it."), before, *rest), chat(system(S), user("Read it."), after, *rest)
    )
    assert comparison.divergence is not None
    assert comparison.divergence.path == path
    # The divergence is at the end of the result, and what follows it is spoiled.
    assert comparison.divergence.offset_bytes // 4 == pytest.approx(2_460, abs=60)
    assert comparison.avoidable_bytes // 4 == pytest.approx(900, abs=25)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call_output", "call_id": "x", "output": "…"},
        {"type": "function_call_output", "call_id": "x", "output": [{"type": "input_text", "text": "…"}]},
        {"type": "custom_tool_call_output", "call_id": "x", "output": "…"},
        {"type": "function_call", "call_id": "x", "name": "f", "arguments": "…"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "…"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "…"}]},
        {"type": "mcp_call", "name": "f", "server_label": "s", "arguments": "{}", "output": "…"},
    ],
    ids=lambda item: item["type"],
)
def test_each_text_of_an_item_is_cut_whatever_its_type(item: Body) -> None:
    def body(text: str) -> Body:
        filled = _filled(item, text)
        return {
            "model": "gpt-4o",
            "instructions": S,
            "input": [user("Read."), filled, user(prose(900, "more"))],
        }

    comparison = compared(
        body(prose(900, "log") + "At 9:30."), body(prose(900, "log") + "At 9:31."), wire=RESPONSES
    )
    assert comparison.divergence is not None
    assert comparison.divergence.kind.value == "timestamp"
    assert comparison.divergence.offset_bytes // 4 == pytest.approx(2_500, abs=40)
    assert comparison.avoidable_bytes // 4 == pytest.approx(900, abs=25)


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(member, text) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, text) for member in value]
    return text if value == "…" else value
