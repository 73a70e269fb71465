"""Servers other than OpenAI, over HTTP: what they report, how they stream it, and what they ignore."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import httpx2
import pytest
from openai import NotFoundError, OpenAI

from otel_promptcache.sim import SERVERS, ServerName, SimConfig, Simulator, filler_text

LONG = [{"role": "user", "content": filler_text(3_000)}]
"""3,003 tokens with its frame."""
HITS = {"vllm": 2_992, "sglang": 3_002, "deepseek": 2_944, "groq": 2_944}
FLAGGED = {"vllm", "sglang"}

Configured = Callable[..., OpenAI]


def flagged(server: str) -> dict[str, Any]:
    return {"server": server, "cache_report": server in FLAGGED}


def usage_of(client: OpenAI, **members: Any) -> dict[str, Any]:
    """The raw usage of a completion."""
    raw = client.chat.completions.with_raw_response.create(
        **{"model": "any-model", "messages": LONG, **members}
    )
    return json.loads(raw.text)["usage"]


def events_of(client: OpenAI, **members: Any) -> list[dict[str, Any]]:
    body = {"model": "any-model", "messages": LONG, "stream": True, **members}
    text = client.chat.completions.with_raw_response.create(**body).http_response.read().decode()
    return [json.loads(data) for data in re.findall(r"^data: (\{.*)$", text, re.MULTILINE)]


def test_each_row_says_where_it_is_from() -> None:
    assert tuple(SERVERS) == get_args(ServerName)
    assert all(row.source and row.checked for row in SERVERS.values())
    assert [name for name, row in SERVERS.items() if row.policy is None] == ["openai"]


@pytest.mark.parametrize("server", HITS)
def test_a_miss_and_a_hit_are_reported_in_the_servers_way(configured: Configured, server: str) -> None:
    client = configured(**flagged(server))
    miss, hit = usage_of(client), usage_of(client)
    assert miss["prompt_tokens"] == hit["prompt_tokens"] == 3_003
    read = HITS[server]
    details = {
        "vllm": (
            {"cached_tokens": 0, "created_cache_tokens": 2_992},
            {"cached_tokens": read, "created_cache_tokens": 0},
        ),
        "sglang": (None, {"cached_tokens": read}),
        "deepseek": ("absent", "absent"),
        "groq": ("absent", {"cached_tokens": read}),
    }
    assert tuple(each.get("prompt_tokens_details", "absent") for each in (miss, hit)) == details[server]
    counts = [
        (each.get("prompt_cache_hit_tokens"), each.get("prompt_cache_miss_tokens")) for each in (miss, hit)
    ]
    assert counts == ([(0, 3_003), (read, 3_003 - read)] if server == "deepseek" else [(None, None)] * 2)


@pytest.mark.parametrize("server", sorted(FLAGGED))
def test_without_its_flag_a_server_says_nothing(configured: Configured, server: str) -> None:
    client = configured(server=server)
    assert [usage_of(client)["prompt_tokens_details"] for _ in range(2)] == [None, None]


def test_another_way_to_report_can_be_asked_for(configured: Configured) -> None:
    client = configured(server="vllm", profile="deepseek")
    usage_of(client)
    assert usage_of(client)["prompt_cache_hit_tokens"] == 2_992


@pytest.mark.parametrize("server", HITS)
def test_responses_are_reported_in_the_same_way(configured: Configured, server: str) -> None:
    client = configured(**flagged(server))
    for _ in range(2):
        raw = client.responses.with_raw_response.create(model="any-model", input=LONG[0]["content"])
    usage = json.loads(raw.text)["usage"]
    expected = {"cached_tokens": HITS[server], "created_cache_tokens": 0}
    shape = SERVERS[server].usage
    if shape.members is None:
        assert "input_tokens_details" not in usage
        assert usage["prompt_cache_hit_tokens"] == HITS[server]
    else:
        assert usage["input_tokens_details"] == {name: expected[name] for name in shape.members}


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("server", ["openai", *HITS])
def test_usage_in_a_stream(configured: Configured, server: str, asked: bool) -> None:
    client = configured(**flagged(server))
    options = {"stream_options": {"include_usage": True}} if asked else {}
    for _ in range(2):
        events = events_of(client, **options)
    assert [event["usage"] is not None for event in events if "usage" in event][-1:] == [True] * asked
    by_groq = [event["x_groq"]["usage"] for event in events if "x_groq" in event]
    assert [each["prompt_tokens_details"] for each in by_groq] == [{"cached_tokens": 2_944}] * (
        server == "groq"
    )
    if by_groq:
        (last,) = (event for event in events if "x_groq" in event)
        assert last["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("server", ["openai", *HITS])
def test_who_waits_is_kept_alive(configured: Configured, server: str) -> None:
    client = configured(server=server)
    stream = client.chat.completions.with_raw_response.create(model="any-model", messages=LONG, stream=True)
    text = stream.http_response.read().decode()
    body = client.chat.completions.with_raw_response.create(model="any-model", messages=LONG).text
    is_kept_alive = server == "deepseek"
    assert text.count(": keep-alive\n\n") == 2 * is_kept_alive
    assert text.startswith(": keep-alive") is is_kept_alive
    assert body.startswith("\n\n{") is is_kept_alive
    pieces = client.chat.completions.create(model="any-model", messages=LONG, stream=True)
    said = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert said == json.loads(body)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("server", ["vllm", "deepseek"])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_the_next_turn_reads_the_answer_too(configured: Configured, server: str, is_streamed: bool) -> None:
    client = configured(output_tokens=500, profile="openai", server=server)
    if is_streamed:
        pieces = client.chat.completions.create(model="any-model", messages=LONG, stream=True)
        answer = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    else:
        answer = (
            client.chat.completions.create(model="any-model", messages=LONG).choices[0].message.content or ""
        )
    turn = [*LONG, {"role": "assistant", "content": answer}, {"role": "user", "content": "And then?"}]
    page_tokens = SERVERS[server].policy.page_tokens
    cached = usage_of(client, messages=turn)["prompt_tokens_details"]["cached_tokens"]
    assert cached == (3_003 + 503) // page_tokens * page_tokens


def test_calls_of_tools_are_no_text_to_keep(configured: Configured) -> None:
    client = configured(server="vllm")
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    choice = client.chat.completions.create(
        model="any-model", messages=LONG, tools=[tool], tool_choice="required"
    ).choices[0]
    assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize("server", HITS)
def test_fields_and_settings_of_openai_mean_nothing(configured: Configured, server: str) -> None:
    client = configured(**flagged(server))
    usage_of(client)
    marked = [{"role": "user", "content": [{"type": "text", "text": LONG[0]["content"]}]}]
    marked[0]["content"][0]["prompt_cache_breakpoint"] = {"mode": "explicit"}
    options = {"prompt_cache_options": {"mode": "explicit"}, "prompt_cache_unheard_of": 1}
    usage = usage_of(
        client,
        messages=marked,
        extra_body=options,
        prompt_cache_key="key",
        prompt_cache_retention="24h",
        service_tier="flex",
        reasoning_effort="high",
        response_format={"type": "json_object"},
    )
    details = usage.get("prompt_tokens_details") or {"cached_tokens": usage.get("prompt_cache_hit_tokens")}
    assert details["cached_tokens"] == HITS[server]


@pytest.mark.parametrize(("server", "cached"), [("vllm", 2_992), ("sglang", 3_002), ("groq", None)])
def test_a_server_of_ones_own_has_no_accounts(
    configured: Configured, server: str, cached: int | None
) -> None:
    client = configured(**flagged(server))
    usage_of(client)
    details = usage_of(client.with_options(api_key="another")).get("prompt_tokens_details") or {}
    assert details.get("cached_tokens") == cached


def test_no_number_of_requests_is_too_many(configured: Configured) -> None:
    client = configured(**flagged("vllm"), overflow_requests_per_minute=1)
    cached = [usage_of(client)["prompt_tokens_details"]["cached_tokens"] for _ in range(20)]
    assert cached == [0, *[2_992] * 19]


def test_models(configured: Configured) -> None:
    client = configured(server="groq", known_models_only=True)
    assert {model.id for model in client.models.list()} == set(SERVERS["groq"].models)
    assert client.models.retrieve("openai/gpt-oss-120b").id == "openai/gpt-oss-120b"
    answer = client.chat.completions.create(model="openai/gpt-oss-20b", messages=LONG)
    assert answer.model == "openai/gpt-oss-20b"
    with pytest.raises(NotFoundError):
        client.models.retrieve("gpt-4o")
    with pytest.raises(NotFoundError):
        usage_of(client, model="gpt-4o")
    assert configured(server="vllm").chat.completions.create(model="gpt-4o", messages=LONG).model == "gpt-4o"


def test_a_cache_can_be_emptied_and_forgotten() -> None:
    with (
        Simulator(SimConfig(**flagged("vllm"))) as simulator,
        OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client,
    ):

        def cached_tokens(fault: str = "") -> int:
            return usage_of(client, extra_headers={"x-sim-fault": fault})["prompt_tokens_details"][
                "cached_tokens"
            ]

        assert [cached_tokens(), cached_tokens()] == [0, 2_992]
        assert simulator.evict() >= 187
        assert [cached_tokens(), cached_tokens("miss"), cached_tokens()] == [0, 0, 2_992]
        assert [cached_tokens("evict"), cached_tokens()] == [0, 2_992]
        simulator.reset()
        assert cached_tokens() == 0


def test_errors_come_without_empty_lines() -> None:
    with Simulator(SimConfig(server="deepseek")) as simulator:
        assert httpx2.get(f"{simulator.base_url}/unknown").text.startswith("{")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"server": "llama"},
            "SimConfig.server='llama': must be one of openai, vllm, sglang, deepseek, groq",
        ),
        ({"cache_report": True}, "SimConfig.cache_report=True: must be False for openai"),
        ({"server": "groq", "cache_report": True}, "SimConfig.cache_report=True: must be False for groq"),
    ],
)
def test_a_setting_that_the_server_does_not_have_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        SimConfig(**settings)
