"""Requests that are large, odd or impossible: the caller gets what it would get without us."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from otel_promptcache.sim import Simulator, filler_text
from tests.conftest import Telemetry
from tests.e2e.surfaces import comparable, seen
from tests.faults.outcome import describe

PNG = "data:image/png;base64," + "iVBORw0KGgo" * 2_000


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def user(content: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}


ODD: dict[str, dict[str, Any]] = {
    "a megabyte": user(filler_text(1_000) + "x" * 1_000_000),
    "a megabyte without a space": user("ab1" * 350_000),
    "a lone surrogate": user("before \ud800 behind"),
    "an image": user([{"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}]),
    "audio": user([{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]),
    "a file": user([{"type": "file", "file": {"file_id": "file-1"}}]),
    "a generator of messages": {
        **user("Hi"),
        "messages": ({"role": "user", "content": "Hi"} for _ in range(1)),
    },
    "no messages": {"model": "gpt-4o", "messages": []},
    "messages of nothing": {"model": "gpt-4o", "messages": [{}]},
    "messages that are null": {"model": "gpt-4o", "messages": None},
    "a model that is null": {**user("Hi"), "model": None},
    "an extra that JSON has no form for": {**user("Hi"), "extra_body": {"thing": object()}},
    "an extra with a date": {**user("Hi"), "extra_body": {"metadata": {"at": dt.date(2026, 11, 20)}}},
    "an extra that is not a number": {**user("Hi"), "extra_body": {"n": float("nan")}},
    "an extra that is nested deeply": {**user("Hi"), "extra_body": {"deep": nested(200)}},
    "an extra with keys that are no strings": {**user("Hi"), "extra_body": {1: 2}},
    "tools of a wrong shape": {**user("Hi"), "tools": [{"type": "function"}, {"type": 7}]},
    "an unknown argument": {**user("Hi"), "unheard_of": 1},
}


def fresh(name: str) -> dict[str, Any]:
    """The request again: a generator can be used only once."""
    request = dict(ODD[name])
    if name == "a generator of messages":
        request["messages"] = ({"role": "user", "content": "Hi"} for _ in range(1))
    return request


async def outcomes(simulator: Simulator, name: str) -> list[str]:
    simulator.reset()
    results: list[str] = []
    with OpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as client:
        try:
            results.append(comparable(seen(client.chat.completions.create(**fresh(name)))))
        except Exception as error:  # noqa: BLE001  # any exception is a result
            results.append(comparable(describe(error)))
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="key", max_retries=0) as aclient:
        try:
            results.append(comparable(seen(await aclient.chat.completions.create(**fresh(name)))))
        except Exception as error:  # noqa: BLE001  # any exception is a result
            results.append(comparable(describe(error)))
    return results


@pytest.mark.parametrize("name", ODD)
async def test_caller_sees_the_same(name: str, simulator: Simulator, telemetry: Telemetry) -> None:
    def without_addresses(results: list[str]) -> list[str]:
        return [result.partition(" object at ")[0] for result in results]

    without = await outcomes(simulator, name)
    telemetry.instrument()
    assert without_addresses(await outcomes(simulator, name)) == without_addresses(without)
    assert telemetry.total("promptcache.internal.errors") == 0
