"""Whatever is sent, the answer is a completion or an error in the envelope, never a crash."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from otel_promptcache.sim import ManualClock, SimConfig, create_app
from tests.sim.conftest import IMMEDIATE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def either(*likely: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(likely) | JSON


MARKER = st.fixed_dictionaries({}, optional={"mode": either("explicit"), "ttl": either("30m", "12h")})
PART = st.fixed_dictionaries(
    {},
    optional={
        "type": either("text", "input_text", "image_url", "input_image", "refusal", "output_text", "file"),
        "text": either("hello"),
        "image_url": either("http://a", {"url": "http://a", "detail": "low"}),
        "prompt_cache_breakpoint": MARKER | JSON,
    },
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": either(
            *("message", "function_call", "function_call_output", "reasoning", "compaction", "item_reference")
        ),
        "role": either("system", "user", "assistant", "tool"),
        "content": st.lists(PART, max_size=2) | either("hello"),
        "output": either("text"),
        "tool_calls": JSON,
        "name": JSON,
        "id": JSON,
    },
)
BODY = st.fixed_dictionaries(
    {"model": either("gpt-5.6-sol", "gpt-4o", "gpt-5.5")},
    optional={
        "messages": st.lists(ITEM, max_size=3) | JSON,
        "input": st.lists(ITEM, max_size=3) | either("hello"),
        "questions": st.lists(ITEM, max_size=2) | JSON,
        "prompt": JSON,
        "instructions": either("be kind"),
        "tools": JSON,
        "tool_choice": either("required", {"type": "function", "name": "f"}),
        "n": JSON,
        "stream": st.booleans(),
        "stream_options": either({"include_usage": True}),
        "max_tokens": JSON,
        "max_output_tokens": JSON,
        "response_format": either({"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}),
        "text": either({"format": {"type": "json_object"}, "verbosity": "low"}),
        "reasoning": either({"effort": "low", "context": "all_turns"}),
        "service_tier": either("flex"),
        "previous_response_id": JSON,
        "prompt_cache_key": JSON,
        "prompt_cache_retention": either("24h", "in_memory"),
        "prompt_cache_options": JSON
        | st.fixed_dictionaries({}, optional={"mode": either("explicit"), "comparison_response_id": JSON}),
        "context_management": JSON,
        "metadata": JSON,
        "store": JSON,
    },
)
PATHS = st.sampled_from(
    [
        *("chat/completions", "completions", "responses", "responses/compact"),
        *("responses/input_tokens", "embeddings", "decisions"),
    ]
)
APP = create_app(SimConfig(**IMMEDIATE), ManualClock())


@given(PATHS, BODY)
async def test_no_body_makes_the_server_fail(path: str, body: dict[str, Any]) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://sim") as http:
        headers = {"authorization": "Bearer key", "content-type": "application/json"}
        answer = await http.post(f"/v1/{path}", content=json.dumps(body), headers=headers)
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert answer.json()["error"]["type"] == "invalid_request_error"
