"""No prompt text, key or user id of a Messages request leaves the process."""

from __future__ import annotations

import json
import logging

import anthropic
import pytest

from tests.claude.wire import MODEL, Chunks, client, events, message, sse
from tests.conftest import Telemetry

SECRETS = {
    name: f"SECRET{name.upper()}"
    for name in (
        "system",
        "question",
        "tool",
        "schema",
        "result",
        "key",
        "user",
        "mcp",
        "answer",
        "error",
        "beta",
    )
}
ERROR = {"type": "error", "error": {"type": SECRETS["error"] + " !", "message": SECRETS["error"]}}
REPLIES = {
    "message": message(content=[{"type": "text", "text": SECRETS["answer"]}]),
    "stream": events(texts=(SECRETS["answer"],)),
    "error event": [*events(texts=(SECRETS["answer"],))[:4], ERROR],
    "error": ERROR,
    "garbage": Chunks([sse(events()[0]), b'data: {"type": "message_delta", "usage": "' + SECRETS["answer"].encode() + b'"}\n\n']),
    "no JSON": Chunks([b"data: " + SECRETS["answer"].encode() + b"\n\n"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPLIES)
def test_nothing_of_request_or_answer_is_emitted_or_logged(
    kind: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.instrument(strict=False)
    with (
        caplog.at_level(logging.DEBUG, logger="otel_promptcache"),
        client(lambda *_: REPLIES[kind], api_key=SECRETS["key"]) as application,
    ):
        for _ in range(2):
            try:
                result = application.messages.create(
                    model=MODEL,
                    max_tokens=64,
                    system=[
                        {"type": "text", "text": SECRETS["system"], "cache_control": {"type": "ephemeral"}}
                    ],
                    messages=[
                        {"role": "user", "content": SECRETS["question"]},
                        {
                            "role": "assistant",
                            "content": [
                                {
                                    "type": "tool_use",
                                    "id": "t",
                                    "name": SECRETS["tool"],
                                    "input": {SECRETS["schema"]: 1},
                                }
                            ],
                        },
                        {
                            "role": "user",
                            "content": [
                                {"type": "tool_result", "tool_use_id": "t", "content": SECRETS["result"]}
                            ],
                        },
                    ],
                    tools=[
                        {
                            "name": SECRETS["tool"],
                            "input_schema": {"type": "object", "properties": {SECRETS["schema"]: {}}},
                        }
                    ],
                    metadata={"user_id": SECRETS["user"]},
                    extra_body={"mcp_servers": [{"authorization_token": SECRETS["mcp"]}]},
                    extra_headers={"anthropic-beta": SECRETS["beta"]},
                    stream=kind not in {"message", "error"},
                )
                list(result)
            except (anthropic.AnthropicError, ValueError):
                assert kind not in {"message", "stream"}
    spans = [span.to_json() for span in telemetry.spans]
    data = telemetry.reader.get_metrics_data()
    everything = json.dumps([spans, data.to_json() if data else "", caplog.text])
    assert len(spans) == 2
    for name, secret in SECRETS.items():
        assert secret not in everything, f"the {name} leaked"
