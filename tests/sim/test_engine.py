"""How long answers take, and the order of events; sleeps are recorded, not slept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from otel_promptcache.sim.cache.clock import ManualClock
from otel_promptcache.sim.cache.tokens import filler_text
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.engine import Engine
from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.chat_api.chat import decide_completion
from otel_promptcache.sim.http.chat_api.chat_events import chat_events
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.sse import ConnectionDroppedError, ServerEvent, encode_events

Ask = Callable[..., Exchange]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []

    async def sleep(duration: float) -> None:
        seconds.append(duration)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return seconds


@pytest.fixture
def ask() -> Ask:
    config = SimConfig(
        prefill_seconds_per_1k_tokens=2, decode_seconds_per_token=0.25, slow_seconds=7, output_tokens=3
    )
    engine = Engine(config, ManualClock())

    def exchange(*faults: Fault, **body: Any) -> Exchange:
        record = RecordedRequest("POST", "/v1/chat/completions", {}, {}, 0.0, faults=frozenset(faults))
        messages = [{"role": "user", "content": filler_text(3997)}]
        return Exchange(engine, record, {"model": "gpt-5.6-sol", "messages": messages, **body}, "org")

    return exchange


async def play(exchange: Exchange, slept: list[float]) -> list[str | float]:
    """The phases of the events and the sleeps between them, in order."""
    log: list[str | float] = []
    async for event in chat_events(exchange, decide_completion(exchange)):
        log += slept
        slept.clear()
        log.append(event.phase)
    return log


async def test_the_role_comes_before_the_prefill_and_the_content_after(ask: Ask, slept: list[float]) -> None:
    assert await play(ask(), slept) == [
        "start",
        8.0,
        0.25,
        "delta",
        0.25,
        "delta",
        0.25,
        "delta",
        "end",
        "last",
    ]


async def test_only_uncached_tokens_take_time(ask: Ask, slept: list[float]) -> None:
    await play(ask(), slept)
    assert await play(ask(), slept) == ["start", 0.25, "delta", 0.25, "delta", 0.25, "delta", "end", "last"]


async def test_slow_takes_longer(ask: Ask, slept: list[float]) -> None:
    assert (await play(ask("slow"), slept))[1] == 15.0


async def test_the_cache_is_written_when_the_prompt_was_processed(ask: Ask, slept: list[float]) -> None:
    one, two = ask(), ask()
    first, second = (chat_events(each, decide_completion(each)) for each in (one, two))
    for events in (first, second):
        while (await anext(events)).phase != "delta":
            pass
        await events.aclose()
    assert one.record.cache is not None
    assert two.record.cache is not None
    assert (one.record.cache.cached_tokens, two.record.cache.cached_tokens) == (0, 0)
    three = ask()
    decide_completion(three)
    assert three.record.cache is not None
    assert three.record.cache.cached_tokens == 4000


async def test_a_request_given_up_before_its_prefill_leaves_nothing(ask: Ask, slept: list[float]) -> None:
    given_up = ask()
    events = chat_events(given_up, decide_completion(given_up))
    assert (await anext(events)).phase == "start"
    await events.aclose()
    again = ask()
    decide_completion(again)
    assert again.record.cache is not None
    assert again.record.cache.cached_tokens == 0


async def some_events(*phases: str) -> AsyncGenerator[ServerEvent, None]:
    for phase in phases:
        yield ServerEvent(phase, phase=phase)  # pyright: ignore[reportArgumentType]


async def encoded(phases: str, *faults: Fault) -> list[bytes]:
    events = some_events(*({"s": "start", "d": "delta", "e": "end", "l": "last"}[one] for one in phases))
    record = RecordedRequest("POST", "/", {}, {}, 0.0, faults=frozenset(faults))
    chunks = [
        chunk async for chunk in encode_events(events, record, lambda sent: ServerEvent(f"error {sent}"))
    ]
    assert record.completed == (phases.endswith("l") and not faults)
    return chunks


START, DELTA, END, LAST = (f"data: {phase}\n\n".encode() for phase in ("start", "delta", "end", "last"))


async def test_an_unbroken_stream() -> None:
    assert await encoded("sdddel") == [START, DELTA, DELTA, DELTA, END, LAST]


@pytest.mark.parametrize(("phases", "kept"), [("sddde", 3), ("sde", 2), ("sl", 1), ("sdd", 3)])
async def test_a_broken_stream(phases: str, kept: int) -> None:
    whole = await encoded(phases)
    assert await encoded(phases, "truncated_stream") == whole[:kept]


async def test_an_error_event_knows_its_place() -> None:
    assert await encoded("sddde", "error_event") == [START, DELTA, DELTA, b"data: error 3\n\n"]


async def test_a_dropped_stream() -> None:
    with pytest.raises(ConnectionDroppedError):
        await encoded("sddde", "drop_mid_stream")


def test_an_event_on_the_wire() -> None:
    assert ServerEvent({"a": "é"}, "name").encode() == 'event: name\ndata: {"a":"é"}\n\n'.encode()
    assert ServerEvent({"a": "\ud800"}).encode() == b'data: {"a":"?"}\n\n'


def test_ids_depend_on_the_seed_alone() -> None:
    def ids(seed: int) -> list[str]:
        engine = Engine(SimConfig(seed=seed), ManualClock())
        return [engine.new_id("resp_") for _ in range(3)]

    assert ids(1) == ids(1) != ids(2)
    assert len(set(ids(1))) == 3
