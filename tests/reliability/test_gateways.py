"""Gateways that answer from their own cache, and those that state what a request cost."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.conftest import Telemetry
from tests.reliability.server import STREAM, Chunks, answering, client_of, completion, streaming
from tests.unit.prompts import prose

MESSAGES = [{"role": "system", "content": prose(3_000)}, {"role": "user", "content": "Hi"}]
PRICES = {"gpt-5.4": {"input": 4.0, "cache_read": 0.4}}
HITS = [
    {"x-litellm-cache-key": "abc"},
    {"x-litellm-response-cost": "0.01", "x-litellm-cache-key": "abc"},
    {"X-OpenRouter-Cache-Status": "HIT"},
    {"Helicone-Cache": "HIT"},
    {"x-portkey-cache-status": "SEMANTIC HIT"},
    {"cf-aig-cache-status": "HIT"},
    {"X-Cache-Status": "Hit", "X-Cache-Key": "k"},
    {"X-AI-Cache-Status": "HIT-L2"},
    {"Cache-Status": "gateway; hit"},
]
NO_HITS = [
    {"x-litellm-response-cost": "0.01"},
    {"X-OpenRouter-Cache-Status": "MISS"},
    {"x-portkey-cache-status": "SEMANTIC MISS"},
    {"X-Cache": "HIT"},
    {"X-Cache-Status": "HIT"},
    {"Cache-Status": "gateway; fwd=miss"},
    {"Cache-Status": '"O; hit x"; fwd=miss'},
    {"X-AI-Cache-Status": "BYPASS"},
]


class Gateway:
    """Answers with a token count and headers."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def ask(
        self, read: int, headers: dict[str, str], *, stream: bool = False, **usage: Any
    ) -> dict[str, Any]:
        def answer(_: Any) -> Any:
            if stream:
                kind = {"content-type": "text/event-stream"}
                return httpx2.Response(200, stream=Chunks(STREAM), headers={**kind, **headers})
            details = {"cached_tokens": read}
            reported = {
                "prompt_tokens": 3_010,
                "completion_tokens": 5,
                "prompt_tokens_details": details,
                **usage,
            }
            return httpx2.Response(
                200, content=json.dumps(completion(usage=reported)).encode(), headers=headers
            )

        with client_of(answer, base_url="https://gateway.test/v1") as client:
            answered = client.chat.completions.create(model="gpt-5.4", messages=MESSAGES, stream=stream)
            if stream:
                list(answered)
        return dict(self._telemetry.spans[-1].attributes)


@pytest.fixture
def gateway(telemetry: Telemetry) -> Gateway:
    telemetry.instrument(prices=PRICES)
    return Gateway(telemetry)


@pytest.mark.parametrize("headers", HITS, ids=lambda headers: next(iter(headers)))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_of_the_gateways_own_cache_is_counted_as_that(
    gateway: Gateway, telemetry: Telemetry, headers: dict[str, str], *, stream: bool
) -> None:
    gateway.ask(0, {})
    before = {
        name: telemetry.total(f"promptcache.{name}") for name in ("tokens", "savings", "misses", "unpriced")
    }
    told = gateway.ask(2_944, headers, stream=stream)
    assert told["promptcache.result"] == "gateway_hit"
    assert not [name for name in told if "usage" in name or "amount" in name or ".miss" in name]
    assert telemetry.total("promptcache.requests", promptcache__result="gateway_hit") == 1
    assert {name: telemetry.total(f"promptcache.{name}") for name in before} == before


@pytest.mark.parametrize("headers", NO_HITS, ids=lambda headers: " ".join(headers.values()))
def test_other_headers_say_nothing(gateway: Gateway, headers: dict[str, str]) -> None:
    gateway.ask(0, {})
    assert gateway.ask(2_944, headers)["promptcache.result"] == "hit"


def test_it_leaves_no_trace_in_what_is_expected(gateway: Gateway) -> None:
    hit = {"X-OpenRouter-Cache-Status": "HIT"}
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}
    assert gateway.ask(0, hit, **zeros)["promptcache.result"] == "gateway_hit"
    # The first request that the provider gets is the first of its kind.
    assert gateway.ask(0, {})["promptcache.miss.reason"] == "cold_start"
    for _ in range(40):
        gateway.ask(0, hit, **zeros)
    told = gateway.ask(0, {})
    assert (told["promptcache.miss.reason"], told["promptcache.expected_tokens"]) == ("provider", 2_944)


@pytest.mark.parametrize(
    ("headers", "usage", "cost", "saved"),
    [
        ({"x-litellm-response-cost": "0.0125"}, {}, 0.0125, None),
        ({}, {"cost": 0.5}, 0.5, None),
        ({"x-prism-native-cache-saved-cents": "0.576"}, {}, None, 0.00576),
        ({"x-litellm-response-cost": "nan"}, {"cost": -1}, None, None),
        ({"x-litellm-response-cost": "1e400"}, {"cost": "free"}, None, None),
    ],
)
def test_what_a_gateway_states_is_on_the_span_and_in_no_counter(
    gateway: Gateway, telemetry: Telemetry, headers: dict[str, str], usage: dict[str, Any], cost: float | None,
    saved: float | None,
) -> None:  # fmt: skip
    told = gateway.ask(0, headers, **usage)
    assert told.get("promptcache.gateway.cost") == cost
    assert told.get("promptcache.gateway.saved") == pytest.approx(saved)
    assert telemetry.total("promptcache.input_cost") == pytest.approx(3_010 * 4.0 / 1e6)


@pytest.mark.parametrize(
    ("cost", "stated"), [(0.25, 0.25), (0, 0.0), (-1, None), ("free", None), ({"total_cost": 0.25}, None)]
)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_what_a_gateway_states_is_read_in_responses_too(
    telemetry: Telemetry, cost: Any, stated: float | None, *, is_stream: bool
) -> None:
    telemetry.instrument(prices=PRICES)
    usage = {"input_tokens": 3_010, "output_tokens": 5, "total_tokens": 3_015, "cost": cost}
    response = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5.4", "output": []}
    whole = {**response, "usage": usage}
    event = {"type": "response.completed", "sequence_number": 1, "response": whole}
    answer = streaming([b"data: " + json.dumps(event).encode() + b"\n\n"]) if is_stream else answering(whole)
    with client_of(answer, base_url="https://gateway.test/v1") as client:
        answered = client.responses.create(model="gpt-5.4", input="Hi", stream=is_stream)
        if is_stream:
            list(answered)
    assert telemetry.span.get("promptcache.gateway.cost") == stated


@pytest.mark.parametrize(
    ("headers", "stated"),
    [
        ({"x-litellm-cache-key": "abc"}, None),
        ({"x-litellm-cache-key": "abc", "x-litellm-response-cost": "0.0"}, 0.0),
    ],
)
def test_a_repeated_answer_repeats_the_cost_of_the_first(
    gateway: Gateway, headers: dict[str, str], stated: float | None
) -> None:
    gateway.ask(0, {}, cost=0.25)
    assert gateway.ask(0, headers, cost=0.25).get("promptcache.gateway.cost") == stated
