"""Whatever the provider sends, the caller sees what it would see without us, and we report `unknown`."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from otel_promptcache.sim import FAULTS, Simulator
from tests.conftest import Telemetry
from tests.faults.outcome import BODIES, Outcome, acall, call

MALFORMED_USAGE = ("usage_text", "usage_negative", "usage_cached_exceeds_input")


def run(simulator: Simulator, kind: str, fault: str) -> list[Outcome]:
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=1) as client:
        return [call(client, kind), call(client, kind, extra_headers={"x-sim-fault": fault})]


async def arun(simulator: Simulator, kind: str, fault: str) -> list[Outcome]:
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="key", max_retries=1) as client:
        return [await acall(client, kind), await acall(client, kind, extra_headers={"x-sim-fault": fault})]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"slow"}))
async def test_caller_sees_the_same(
    fault: str, kind: str, is_async: bool, simulator: Simulator, telemetry: Telemetry
) -> None:
    async def outcomes() -> list[Outcome]:
        simulator.reset()
        return await arun(simulator, kind, fault) if is_async else run(simulator, kind, fault)

    without = await outcomes()
    telemetry.instrument()
    assert await outcomes() == without
    gc.collect()  # SDKs up to 2.0 leave a stream open after an error in it ...
    await asyncio.sleep(0.01)  # ... and its generators are finalised by the loop
    gc.collect()
    assert telemetry.total("promptcache.requests") == 2
    assert len(telemetry.spans) == 2


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("fault", MALFORMED_USAGE)
def test_malformed_usage_is_unknown_logged_once_and_counted(
    fault: str, kind: str, simulator: Simulator, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.instrument()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            run(simulator, kind, fault)
    reports_usage = kind != "chat stream without usage"
    assert telemetry.total("promptcache.requests", promptcache__result="unknown") == (
        2 if reports_usage else 4
    )
    assert telemetry.total("promptcache.internal.errors", error__type="InvalidUsageError") == (
        2 if reports_usage else 0
    )
    assert sum("InvalidUsageError" in message for message in caplog.messages) == reports_usage


@pytest.mark.parametrize(
    ("fault", "kind", "error_type", "result"),
    [
        ("rate_limit", "chat", "RateLimitError", "unknown"),
        ("server_error", "responses stream", "InternalServerError", "unknown"),
        ("error_event", "chat stream", "APIError", "unknown"),
        ("drop_mid_stream", "chat stream", None, "unknown"),
        ("incomplete", "responses stream", None, "hit"),
        ("incomplete", "responses", None, "hit"),
        ("incomplete", "chat stream", None, "hit"),
        ("truncated_stream", "responses stream", None, "unknown"),
        ("gzip", "chat stream", None, "hit"),
        ("gzip", "responses", None, "hit"),
        ("rate_limit_once", "chat", None, "hit"),
        ("server_error_once", "responses stream", None, "hit"),
        ("choices_null", "chat", None, "hit"),
        ("miss", "chat", None, "miss"),
        ("usage_missing", "responses", None, "unknown"),
    ],
)
def test_what_is_said_of_it(
    fault: str, kind: str, error_type: str | None, result: str, simulator: Simulator, telemetry: Telemetry
) -> None:
    telemetry.instrument()
    run(simulator, kind, fault)
    attributes: dict[str, Any] = dict(telemetry.spans[-1].attributes or {})
    assert attributes["promptcache.result"] == result
    if error_type is not None:
        assert attributes["error.type"] == error_type
        assert telemetry.total("promptcache.requests", error__type=error_type) == 1
    elif fault != "drop_mid_stream":
        assert "error.type" not in attributes


def test_failed_response_keeps_its_usage(simulator: Simulator, telemetry: Telemetry) -> None:
    telemetry.instrument()
    run(simulator, "responses stream", "failed")
    attributes = dict(telemetry.spans[-1].attributes or {})
    assert attributes["error.type"] == "server_error"
    assert attributes["gen_ai.usage.input_tokens"] > 0
