from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.sim.cache.prompt import Block, Marker, Message, Prompt, Settings, render
from tests.sim.prompts import message, stream_of


def test_hidden_tokens_come_first_and_do_not_count_as_input() -> None:
    stream = stream_of(message("user", 100))
    assert stream.input_tokens == 100
    assert len(stream.tokens) == 100 + stream.hidden_tokens
    assert stream.hidden_tokens > 32


def test_tools_come_before_the_messages() -> None:
    with_tool = render(Prompt(Settings("m"), tools=('{"name":"f"}',), messages=(message("user", 10),)))
    tool_tokens = with_tool.input_tokens - 10
    assert tool_tokens > 0
    assert (
        with_tool.tokens[with_tool.hidden_tokens + tool_tokens :]
        == stream_of(message("user", 10)).tokens[-10:]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"text_format": '{"type":"json_schema"}'},
        {"effort": "high"},
        {"verbosity": "low"},
        {"parallel_tool_calls": False},
        {"model": "gpt-5.6-luna"},
    ],
)
def test_a_hidden_setting_changes_the_prefix_before_any_visible_token(change: dict[str, Any]) -> None:
    stream, other = stream_of(message("user", 10)), stream_of(message("user", 10), **change)
    assert stream.digest(stream.hidden_tokens) != other.digest(other.hidden_tokens)
    assert other.input_tokens == 10


def test_eligible_are_user_messages_the_last_of_tool_responses_and_the_developer_block() -> None:
    roles = ["developer", "developer", "user", "assistant", "tool", "tool", "assistant", "developer", "user"]
    stream = stream_of(*(message(role, 10, index) for index, role in enumerate(roles)))  # pyright: ignore[reportArgumentType]
    assert [stream.visible(end) for end in stream.eligible_ends] == [20, 30, 60, 90]
    assert stream.developer_end == stream.hidden_tokens + 20


def test_without_developer_messages_there_is_no_developer_end() -> None:
    assert stream_of(message("user", 10)).developer_end is None


def test_a_marker_stands_at_the_end_of_its_block_and_not_of_the_message() -> None:
    blocks = (Block(("a", "b"), Marker("12h")), Block(("c",), Marker()))
    stream = stream_of(Message("user", blocks))
    assert [(stream.visible(one.position_tokens), one.ttl) for one in stream.explicit] == [
        (4, "12h"),
        (5, None),
    ]
    assert [stream.visible(end) for end in stream.eligible_ends] == [6]
