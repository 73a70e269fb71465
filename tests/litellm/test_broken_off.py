"""Calls of LiteLLM that do not end normally."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from otel_promptcache.sim import SimConfig, Simulator
from tests.conftest import Telemetry
from tests.litellm.served import Served, served
from tests.litellm.surfaces import QUESTION, litellm

CHAT: dict[str, Any] = {
    "model": "deepseek/deepseek-chat",
    "messages": [QUESTION],
    "api_key": "key",
    "num_retries": 0,
    "stream_options": {"include_usage": True},
}


@pytest.fixture
def server() -> Iterator[Served]:
    with served() as server:
        server.may_answer.clear()
        yield server


def test_a_timeout_is_an_error(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with pytest.raises(litellm.Timeout):
        litellm.completion(**CHAT, api_base=server.url, timeout=0.05)
    assert telemetry.span["error.type"] == "Timeout"


async def test_an_asynchronous_timeout_is_an_error(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    with pytest.raises(litellm.Timeout):
        await litellm.acompletion(**CHAT, api_base=server.url, timeout=0.05)
    assert len(telemetry.spans) == 1
    assert telemetry.total("promptcache.requests") == 1


def test_nobody_listens(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with pytest.raises(litellm.InternalServerError):
        litellm.completion(**CHAT, api_base="http://127.0.0.1:9")
    assert telemetry.span["error.type"] == "ConnectError"


async def test_a_cancelled_call_is_abandoned(server: Served, telemetry: Telemetry) -> None:
    telemetry.instrument()
    task = asyncio.create_task(litellm.acompletion(**CHAT, api_base=server.url))
    await asyncio.to_thread(server.has_arrived.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert telemetry.span["promptcache.abandoned"] is True
    assert "error.type" not in telemetry.span


def test_a_stream_that_is_left_is_abandoned(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with Simulator(SimConfig(decode_seconds_per_token=0.05)) as simulator:
        stream = litellm.completion(**CHAT, api_base=simulator.base_url, stream=True)
        next(iter(stream))
        del stream  # a thread of LiteLLM's may keep it for a while
        telemetry.tracer_provider.force_flush()
        assert telemetry.span["promptcache.abandoned"] is True


async def test_an_asynchronous_stream_that_is_left_is_abandoned(telemetry: Telemetry) -> None:
    telemetry.instrument()
    with Simulator(SimConfig(decode_seconds_per_token=0.05)) as simulator:
        stream = await litellm.acompletion(**CHAT, api_base=simulator.base_url, stream=True)
        await anext(aiter(stream))
        await stream.aclose()
        del stream  # a thread of LiteLLM's may keep it for a while
        telemetry.tracer_provider.force_flush()
        assert telemetry.span["promptcache.abandoned"] is True


def test_a_retry_is_a_call_of_its_own(simulator: Simulator, telemetry: Telemetry) -> None:
    """LiteLLM retries above its handlers."""
    telemetry.instrument()
    simulator.inject("server_error")
    parameters = {"model": CHAT["model"], "api_base": simulator.base_url, "api_key": "key"}
    router = litellm.Router([{"model_name": "bot", "litellm_params": parameters}], num_retries=1)
    router.completion("bot", [QUESTION])
    failed, good = telemetry.spans
    assert (failed.attributes or {})["error.type"] == "500"
    assert "error.type" not in (good.attributes or {})
    assert [request.status_code for request in simulator.requests] == [500, 200]
