"""Request bodies as they are on the wire, and the segments they are read as."""

from __future__ import annotations

from typing import Any

import pytest

from otel_promptcache.core.prompt.segments import SegmentKind
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS, COMPLETIONS
from otel_promptcache.wire.openai.responses import COMPACT, RESPONSES
from otel_promptcache.wire.request import azure_deployment
from otel_promptcache.wire.routes import wire_format

FUNCTION = {"type": "function", "function": {"name": "search", "parameters": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}


def read(wire: WireFormat, body: dict[str, Any]) -> list[tuple[str, str, object, str]]:
    return [(s.kind.value, s.path, s.value, s.label) for s in wire.segments(body)]


def test_chat() -> None:
    body = {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Rules"},
            {"role": "developer", "content": [{"type": "text", "text": "More"}, {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]},
            CALL,
            {"role": "tool", "tool_call_id": "1", "content": "done"},
            {"role": "system", "content": "Late"},
        ],
        "tools": [FUNCTION, {"type": "custom", "custom": {"name": "shell"}}],
        "response_format": {"type": "json_object"},
    }  # fmt: skip
    assert read(CHAT_COMPLETIONS, body) == [
        ("tool", "tools[0]", FUNCTION, "search"),
        ("tool", "tools[1]", {"type": "custom", "custom": {"name": "shell"}}, "shell"),
        ("format", "response_format", {"type": "json_object"}, ""),
        ("instructions", "messages[0].content", "Rules", ""),
        ("instructions", "messages[1].content[0]", "More", ""),
        ("instructions", "messages[1].content[1]", "x", ""),
        ("item", "messages[2].content[0]", "Look", ""),
        ("item", "messages[2].content[1]", IMAGE, ""),
        ("item", "messages[3]", CALL, ""),
        ("item", "messages[4]", {"role": "tool", "tool_call_id": "1", "content": "done"}, ""),
        ("item", "messages[5].content", "Late", ""),
    ]


def test_responses() -> None:
    tools = [
        {"type": "function", "name": "search"},
        {"type": "mcp", "server_label": "wiki"},
        {"type": "web_search"},
    ]
    body = {
        "model": "gpt-5.6",
        "instructions": "Rules",
        "tools": tools,
        "text": {"format": {"type": "json_schema", "name": "answer"}},
        "input": [
            {"role": "developer", "content": "More"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "function_call_output", "call_id": "1", "output": "done"},
        ],
    }  # fmt: skip
    assert [(kind, path, label) for kind, path, _, label in read(RESPONSES, body)] == [
        ("tool", "tools[0]", "search"),
        ("tool", "tools[1]", "wiki"),
        ("tool", "tools[2]", "web_search"),
        ("format", "text.format", ""),
        ("instructions", "instructions", ""),
        ("instructions", "input[0].content", ""),
        ("item", "input[1].content[0]", ""),
        ("item", "input[2]", ""),
    ]
    assert read(RESPONSES, {"input": "Hi"}) == [("item", "input", "Hi", "")]


def test_legacy_completions_and_functions() -> None:
    assert read(COMPLETIONS, {"prompt": "Once"}) == [("item", "prompt", "Once", "")]
    assert read(COMPLETIONS, {"prompt": ["a", "b"]}) == [
        ("item", "prompt[0]", "a", ""),
        ("item", "prompt[1]", "b", ""),
    ]
    assert read(CHAT_COMPLETIONS, {"functions": [{"name": "f"}]}) == [
        ("tool", "functions[0]", {"name": "f"}, "f")
    ]


@pytest.mark.parametrize("wire", [CHAT_COMPLETIONS, COMPLETIONS, RESPONSES])
@pytest.mark.parametrize(
    "odd", [None, 3, "text", [], [None, 3, "x", []], {"a": 1}, [{"role": 7, "content": {"x": 1}}]]
)
def test_a_body_of_any_shape_is_read_without_an_exception(wire: WireFormat, odd: object) -> None:
    members = ("messages", "tools", "functions", "input", "instructions", "prompt", "response_format", "text")
    for segment in wire.segments(dict.fromkeys(members, odd)):
        assert isinstance(segment.kind, SegmentKind)
        assert isinstance(segment.text(), str)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("post", "/chat/completions", CHAT_COMPLETIONS),
        ("POST", "/v1/chat/completions/", CHAT_COMPLETIONS),
        ("post", "/deployments/my-gpt/chat/completions?api-version=1", CHAT_COMPLETIONS),
        ("post", "/completions", COMPLETIONS),
        ("post", "/responses", RESPONSES),
        ("post", "/responses?beta=true", RESPONSES),
        ("post", "https://host/v1/responses", RESPONSES),
        ("post", "/responses/compact", COMPACT),
        ("get", "/chat/completions", None),
        ("get", "/responses/resp_1", None),
        ("delete", "/responses/resp_1", None),
        ("post", "/responses/resp_1/cancel", None),
        ("post", "/responses/input_tokens", None),
        ("post", "/embeddings", None),
        ("post", "/threads/t/messages", None),
        ("post", "/chat/completions/c_1", None),
    ],
)
def test_which_requests_are_inferences(method: str, path: str, expected: WireFormat | None) -> None:
    assert wire_format(method, path) is expected


def test_azure_deployment() -> None:
    assert azure_deployment("/openai/deployments/my-gpt/chat/completions") == "my-gpt"
    assert azure_deployment("/v1/chat/completions") is None
