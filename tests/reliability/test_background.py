"""Background responses: one call from the request to the answer, however the answer is fetched, and however often."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

import otel_promptcache
from otel_promptcache.calls.awaited import MAX_AWAITED
from tests.conftest import Telemetry
from tests.reliability.server import Chunks, client_of

PROMPT = "The house rules of the library. " * 300
USAGE = {
    "input_tokens": 2_100,
    "output_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2_105,
}
HOSTS = {"provider.test": "openai"}
PRICES = {"gpt-5.4": {"input": 2.5, "cache_read": 0.25}}
"""Our own, because there is no price list for Python 3.10."""
Answer = Callable[[httpx2.Request], httpx2.Response]


def response(status: str, response_id: str = "resp_1", **members: Any) -> dict[str, Any]:
    usage = USAGE if status in ("completed", "incomplete") else None
    return {
        "id": response_id, "object": "response", "created_at": 1, "model": "gpt-5.4", "status": status, "output": [],
        "background": True, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage, **members,
    }  # fmt: skip


def event(kind: str, number: int, **members: Any) -> bytes:
    body = {"type": f"response.{kind}", "sequence_number": number, **members}
    return f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()


DELTA = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": [], "delta": "Hi"}
STREAM = [
    event("created", 0, response=response("queued")),
    event("queued", 1, response=response("queued")),
    event("in_progress", 2, response=response("in_progress")),
    event("output_text.delta", 3, **DELTA),
    event("output_text.delta", 4, **DELTA),
    event("completed", 5, response=response("completed")),
]


class Provider:
    """Gives its answers to one request after another: a status, a body, a stream or an HTTP response."""

    def __init__(self, *answers: str | dict[str, Any] | list[bytes] | httpx2.Response) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(f"{request.method} {request.url.path}")
        answer = self.answers.pop(0)
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, list):
            return httpx2.Response(200, stream=Chunks(answer), headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, json=response(answer) if isinstance(answer, str) else answer)


def create(client: OpenAI, **members: Any) -> Any:
    return client.responses.create(model="gpt-5.4", input=PROMPT, background=True, **members)


def test_a_background_response_is_one_call_that_its_answer_ends(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS, prices=PRICES)
    with client_of(Provider("queued", "in_progress", "completed", "completed", "completed")) as client:
        posted = create(client)
        assert telemetry.spans == []
        statuses = [client.responses.retrieve(posted.id).status for _ in range(4)]
    assert statuses == ["in_progress", "completed", "completed", "completed"]
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_100
    assert telemetry.span["promptcache.result"] == "miss"
    assert telemetry.span["promptcache.miss.reason"] == "cold_start"
    assert "promptcache.abandoned" not in telemetry.span
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.total("promptcache.tokens") == 2_100
    assert telemetry.total("promptcache.unpriced") == 0


async def test_so_it_is_in_the_async_client(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    http_client = httpx2.AsyncClient(
        transport=httpx2.MockTransport(Provider("queued", "completed", "completed"))
    )
    async with AsyncOpenAI(
        api_key="key", base_url="http://provider.test/v1", http_client=http_client
    ) as client:
        posted = await client.responses.create(model="gpt-5.4", input=PROMPT, background=True)
        await asyncio.gather(*[client.responses.retrieve(posted.id) for _ in range(2)])
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.span["promptcache.result"] == "miss"


def test_the_stream_of_a_fetch_ends_it_too(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    with client_of(Provider("queued", STREAM)) as client:
        kinds = [each.type for each in client.responses.retrieve(create(client).id, stream=True)]
    assert len(kinds) == len(STREAM)
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_100


@pytest.mark.parametrize("break_off", ["close", "drop", "error"])
def test_a_stream_that_is_left_and_resumed_is_one_call(telemetry: Telemetry, break_off: str) -> None:
    telemetry.instrument(hosts=HOSTS)
    first: list[Any] = [*STREAM[:4], httpx2.ReadError("gone")] if break_off == "error" else STREAM
    with client_of(Provider(first, STREAM[4:], "completed")) as client:
        stream: Any = create(client, stream=True)
        seen = [next(stream) for _ in range(4)]
        if break_off == "close":
            stream.close()
        elif break_off == "error":
            with pytest.raises(openai.APIConnectionError):
                next(stream)
        del stream
        gc.collect()
        telemetry.tracer_provider.force_flush()
        assert telemetry.spans == []
        rest = client.responses.retrieve("resp_1", stream=True, starting_after=seen[-1].sequence_number)
        assert [each.type for each in rest] == ["response.output_text.delta", "response.completed"]
        client.responses.retrieve("resp_1")
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.span["gen_ai.usage.input_tokens"] == 2_100
    assert telemetry.span["promptcache.time_to_first_token"] > 0
    assert "promptcache.abandoned" not in telemetry.span


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_was_not_processed_is_expected_of_nobody(telemetry: Telemetry, status: str) -> None:
    telemetry.instrument(hosts=HOSTS)
    error = {"code": "server_error", "message": "no"} if status == "failed" else None
    ended = response(status, error=error)
    with client_of(Provider("queued", ended, response("completed", "resp_2"))) as client:
        client.responses.retrieve(create(client).id)
        assert telemetry.total("promptcache.requests") == 1
        assert telemetry.total("promptcache.unpriced") == 0
        assert telemetry.span.get("error.type") == ("server_error" if status == "failed" else None)
        client.responses.create(model="gpt-5.4", input=PROMPT)
    assert telemetry.total("promptcache.misses", promptcache__miss__reason="cold_start") == 1
    assert telemetry.total("promptcache.misses") == 1


def test_a_failed_response_over_plain_http_is_expected_of_nobody(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    with client_of(Provider(response("failed", background=False), response("completed", "resp_2"))) as client:
        for _ in range(2):
            client.responses.create(model="gpt-5.4", input=PROMPT)
    assert telemetry.total("promptcache.misses", promptcache__miss__reason="cold_start") == 1
    assert telemetry.total("promptcache.misses") == 1


def test_a_cancellation_ends_the_call(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    provider = Provider("queued", "cancelled", "cancelled")
    with client_of(provider) as client:
        client.responses.cancel(create(client).id)
        client.responses.retrieve("resp_1")
    assert provider.paths[1] == "POST /v1/responses/resp_1/cancel"
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.span["promptcache.result"] == "unknown"


def test_a_prompt_that_is_queued_keeps_no_other_waiting(telemetry: Telemetry) -> None:
    """It is not in flight, so no other miss is taken for a concurrent one."""
    telemetry.instrument(hosts=HOSTS)
    answered = response("completed", "resp_2")
    with client_of(Provider("queued", answered, "completed")) as client:
        create(client)
        client.responses.create(model="gpt-5.4", input=PROMPT)
        client.responses.retrieve("resp_1")
    reasons = [(each.attributes or {}).get("promptcache.miss.reason") for each in telemetry.spans]
    assert reasons == ["cold_start", "cold_start"]


def test_a_fetch_that_fails_says_nothing(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    not_found = httpx2.Response(404, json={"error": {"message": "not found", "code": "not_found"}})
    with client_of(Provider("queued", not_found, "completed")) as client:
        posted = create(client)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(posted.id)
        assert telemetry.spans == []
        client.responses.retrieve(posted.id)
    assert telemetry.span["promptcache.result"] == "miss"
    assert "error.type" not in telemetry.span


@pytest.mark.parametrize(
    "other",
    [
        {"api_key": "other"},
        {"base_url": "http://provider.test:8080/v1"},
        {"base_url": "http://other.test/v1"},
    ],
)
def test_another_account_or_server_may_use_the_same_id(telemetry: Telemetry, other: dict[str, Any]) -> None:
    telemetry.instrument(hosts={**HOSTS, "other.test": "openai"})
    with (
        client_of(Provider("queued", "completed")) as client,
        client_of(Provider("completed"), **other) as stranger,
    ):
        create(client)
        stranger.responses.retrieve("resp_1")
        assert telemetry.spans == []
        client.responses.retrieve("resp_1")
    assert telemetry.total("promptcache.requests") == 1


def test_an_answer_that_nobody_asked_for_here_is_no_call(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    with client_of(Provider("queued", response("completed", "resp_other"))) as client:
        create(client)
        client.responses.retrieve("resp_other")
        assert telemetry.total("promptcache.requests") == 0
    otel_promptcache.uninstrument()
    assert telemetry.span["promptcache.abandoned"] is True
    assert telemetry.span["promptcache.result"] == "unknown"
    assert telemetry.total("promptcache.requests") == 1
    assert telemetry.total("promptcache.unpriced") == 0


def test_the_calls_that_wait_are_bounded(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    count = MAX_AWAITED + 3
    answers = [response("queued", f"resp_{index}") for index in range(count)]
    with client_of(
        Provider(*answers, response("completed", "resp_0"), response("completed", "resp_3"))
    ) as client:
        for _ in answers:
            client.responses.create(model="gpt-5.4", input="Hi", background=True)
        assert telemetry.total("promptcache.requests") == 3
        client.responses.retrieve("resp_0")
        assert telemetry.total("promptcache.requests") == 3
        client.responses.retrieve("resp_3")
    assert telemetry.total("promptcache.requests") == 4


@pytest.mark.parametrize("window", ["2h", "8h", "24h"])
def test_a_discount_that_is_not_published_is_unpriced(telemetry: Telemetry, window: str) -> None:
    telemetry.instrument(hosts=HOSTS)
    with client_of(Provider("queued", "completed")) as client:
        create(client, extra_body={"background_options": {"completion_window": window}})
        client.responses.retrieve("resp_1")
    assert telemetry.total("promptcache.unpriced") == 1
    assert "promptcache.savings.amount" not in telemetry.span


def test_a_window_without_discount_is_priced(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS, prices=PRICES)
    with client_of(Provider("queued", "completed")) as client:
        create(client, extra_body={"background_options": {"completion_window": "soonest"}})
        client.responses.retrieve("resp_1")
    assert telemetry.total("promptcache.unpriced") == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_report_what_its_parent_waits_for(telemetry: Telemetry) -> None:
    telemetry.instrument(hosts=HOSTS)
    with client_of(Provider("queued", "completed", "completed")) as client:
        create(client)
        child = os.fork()
        if child == 0:
            client.responses.retrieve("resp_1")
            os._exit(0 if telemetry.total("promptcache.requests") == 0 else 1)
        assert os.waitpid(child, 0)[1] == 0
        client.responses.retrieve("resp_1")
    assert telemetry.total("promptcache.requests") == 1
