"""Nothing that processes leave in a store contains a word of a request, of its headers or of a key."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.fleet.stores.redis_store import VERSION
from otel_promptcache.fleet.stores.sqlite_store import TABLES
from otel_promptcache.sim import filler_text
from tests.stack.applications import Application, Begin
from tests.stack.redis import RedisServer

LONG = filler_text(1_500)
HEADERS = {"x-session-id": "canary-header", "x-canary-header-name": "1"}
SCHEMA = {
    "type": "object",
    "properties": {"canary_property": {"type": "string", "enum": ["canary-value"]}},
}
IMAGE = base64.b64encode(b"canary" * 60).decode()


def functions(number: int) -> list[dict[str, Any]]:
    """Tools in a different order for each number."""
    tools = [
        {"name": f"canary_tool_{each}", "description": f"canary description {each}. {filler_text(60, each)}"}
        for each in range(4)
    ]
    return tools[number:] + tools[:number]


def chat(number: int) -> dict[str, Any]:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
    tool_call = {"id": "canary-call", "function": {"name": "canary_tool_1", "arguments": '{"canary": 1}'}}
    return {
        "model": "gpt-4.1",
        "messages": [
            {
                "role": "system",
                "name": "canary_name",
                "content": f"canary system {number}. {LONG} canary end",
            },
            {"role": "user", "content": [{"type": "text", "text": "canary question"}, image]},
            {"role": "assistant", "tool_calls": [{"type": "function", **tool_call}]},
            {"role": "tool", "tool_call_id": "canary-call", "content": "canary result"},
        ],
        "tools": [
            {"type": "function", "function": {**each, "parameters": SCHEMA}} for each in functions(number)
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "canary_format", "schema": SCHEMA},
        },
        "prompt_cache_key": f"canary-cache-key-{number}",
        "safety_identifier": "canary-user",
        "metadata": {"canary": "canary"},
        "extra_headers": HEADERS,
    }


def responses(number: int) -> dict[str, Any]:
    return {
        "model": "gpt-4.1",
        "instructions": f"canary instructions {number}. {LONG} canary end",
        "input": [{"role": "user", "content": "canary question"}],
        "tools": [{"type": "function", **each, "parameters": SCHEMA} for each in functions(number)],
        "text": {"format": {"type": "json_schema", "name": "canary_format", "schema": SCHEMA}},
        "prompt_cache_key": f"canary-cache-key-{number}",
        "safety_identifier": "canary-user",
        "metadata": {"canary": "canary"},
        "extra_headers": HEADERS,
    }


def messages(number: int) -> dict[str, Any]:
    marked = {"cache_control": {"type": "ephemeral"}}
    tool_use = {"type": "tool_use", "id": "canary_call", "name": "canary_tool_1", "input": {"canary": 1}}
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "system": [{"type": "text", "text": f"canary system {number}. {LONG} canary end", **marked}],
        "messages": [
            {"role": "user", "content": "canary question"},
            {"role": "assistant", "content": [tool_use]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "canary_call",
                        "content": "canary result",
                        **marked,
                    }
                ],
            },
        ],
        "tools": [{**each, "input_schema": SCHEMA} for each in functions(number)],
        "metadata": {"user_id": "canary-user"},
        "extra_headers": HEADERS,
    }


APIS = {"chat": chat, "responses": responses, "messages": messages}


def send_all(application: Application, api: str) -> None:
    """Send requests that differ in what is compared, so that templates and pieces get into the store, too."""
    for number in (0, 1, 1, 2):
        application.tell(json.dumps(APIS[api](number)))
        told = application.hear()
        assert told["gen_ai.usage.input_tokens"] > 1_000
    assert set(application.outcomes()) <= {"ok", "late"}
    assert application.end() == 0


def assert_without_canaries(contents: list[bytes]) -> None:
    """The canary is not there as text, in upper or lower case, nor in hexadecimal or Base64."""
    for each in contents:
        assert b"canary" not in each.lower(), each
        assert b"canary".hex().encode() not in each.lower(), each
        assert base64.b64encode(b"canary") not in each, each


@pytest.mark.parametrize("api", APIS)
def test_none_is_in_redis(api: str, begin_at: Begin, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        send_all(begin_at(server.url, "test", "canary-fleet-key", "canary-api-key"), api)
        contents = list(server.contents())
    base = b"{pc:test}" + VERSION.encode()
    kinds = {each[len(base) :][:1] for each in contents if each.startswith(base)}
    assert kinds >= {b"p", b"t", b"c", b"s", b"r", b"v"}
    assert_without_canaries(contents)


@pytest.mark.parametrize("api", APIS)
def test_none_is_in_a_file(api: str, begin_at: Begin, tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    send_all(begin_at(f"file:{file}", "test", "canary-fleet-key", "canary-api-key"), api)
    assert_without_canaries([each.read_bytes() for each in tmp_path.glob("fleet.db*")])
    with closing(sqlite3.connect(file)) as connection:
        filled = {table for table in TABLES if list(rows(connection, table))}
        cells = [cell for table in TABLES for row in rows(connection, table) for cell in row]
    assert filled >= {"prefixes", "variants", "bodies", "pieces", "starts", "digests"}
    assert_without_canaries([cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells])


def rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    yield from connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # names of ours


def test_a_canary_would_be_found() -> None:
    for spelled in (b"a Canary", b"x63616e617279", base64.b64encode(b"canary")):
        with pytest.raises(AssertionError):
            assert_without_canaries([b"", spelled])
