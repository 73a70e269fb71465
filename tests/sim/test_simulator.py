"""Starting, stopping and resetting; clocks; several simulators at the same time."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import uvicorn
from openai import APIConnectionError, OpenAI
from starlette.applications import Starlette

from otel_promptcache.sim import (
    ManualClock,
    SimConfig,
    Simulator,
    SystemClock,
    create_app,
    filler_text,
    serve,
)
from otel_promptcache.sim.http.delivery import EventStreamAnswer
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.simulator import _listening_socket
from tests.sim.conftest import IMMEDIATE

LONG = filler_text(2000)


def cached_tokens(simulator: Simulator) -> int:
    with OpenAI(base_url=simulator.base_url, api_key="key") as client:
        usage = client.responses.create(model="gpt-5.6-sol", input=LONG).usage
    assert usage is not None
    return usage.input_tokens_details.cached_tokens


def test_several_side_by_side_have_caches_of_their_own() -> None:
    with Simulator() as one, Simulator() as two:
        assert one.base_url != two.base_url
        assert [cached_tokens(one), cached_tokens(one), cached_tokens(two)] == [0, 2003, 0]


def test_it_stops_and_starts_again_with_its_cache() -> None:
    before = threading.active_count()
    simulator = Simulator()
    with simulator:
        url = simulator.base_url
        cached_tokens(simulator)
    with OpenAI(base_url=url, api_key="key", max_retries=0) as client, pytest.raises(APIConnectionError):
        client.models.list()
    with simulator:
        assert cached_tokens(simulator) == 2003
    assert threading.active_count() == before


def test_it_stops_with_requests_in_flight() -> None:
    with ThreadPoolExecutor() as pool:
        with Simulator(SimConfig(slow_seconds=3600)) as simulator:
            headers = {"authorization": "Bearer key", "x-sim-fault": "slow"}
            url, body = f"{simulator.base_url}/responses", {"model": "gpt-4o", "input": "hi"}
            plain = pool.submit(httpx2.post, url, json=body, headers=headers, timeout=60)
            streamed = pool.submit(
                httpx2.post, url, json={**body, "stream": True}, headers=headers, timeout=60
            )
            while sum(request.cache is not None for request in simulator.requests) < 2:
                assert not plain.done()
                time.sleep(0.01)
        for future in (plain, streamed):
            error = future.exception()
            assert isinstance(error, httpx2.HTTPError) or future.result().status_code == 500


def test_it_cannot_be_entered_twice() -> None:
    with Simulator() as simulator, pytest.raises(RuntimeError, match="already running"):
        simulator.__enter__()


def test_it_has_no_url_unless_it_runs() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Simulator().base_url


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), Simulator(port=port):
            pass


def test_a_server_that_cannot_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    simulator = Simulator()
    with monkeypatch.context() as patch:
        patch.setattr(uvicorn.Server, "startup", fail)
        with pytest.raises(RuntimeError, match="did not start") as caught:
            simulator.__enter__()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with simulator:
        assert cached_tokens(simulator) == 0


def test_headers_and_body_are_not_held_back() -> None:
    listening = _listening_socket("127.0.0.1", 0)
    with listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_serving_in_the_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[Starlette, dict[str, object]]] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **settings: served.append((app, settings)))
    serve(SimConfig(), port=1234)
    ((app, settings),) = served
    assert isinstance(app, Starlette)
    assert (settings["host"], settings["port"]) == ("127.0.0.1", 1234)


async def test_a_failure_of_our_own_is_not_swallowed_by_a_stream() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"data: x\n\n"
        raise ZeroDivisionError

    record = RecordedRequest("POST", "/", {}, {}, 0.0)
    transport = httpx2.ASGITransport(EventStreamAnswer(broken(), record))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sim") as http:
        with pytest.raises(ZeroDivisionError):
            await http.get("/")


async def test_a_stream_ends_when_its_client_leaves() -> None:
    log: list[str] = []

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: x\n\n"
            await asyncio.Event().wait()
        finally:
            log.append("given up")

    sent = asyncio.Event()

    async def receive() -> dict[str, str]:
        await sent.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        log.append(message["type"])
        if message["type"] == "http.response.body":
            sent.set()

    record = RecordedRequest("POST", "/", {}, {}, 0.0)
    await EventStreamAnswer(endless(), record)({"type": "http"}, receive, send)
    assert log == ["http.response.start", "http.response.body", "given up"]
    assert not record.completed


def test_an_error_in_the_block_comes_through() -> None:
    with pytest.raises(ZeroDivisionError), Simulator():
        _ = 1 / 0


def test_a_reset_forgets_everything(sim: Simulator) -> None:
    cached_tokens(sim)
    sim.inject("server_error")
    sim.reset()
    assert sim.requests == ()
    assert cached_tokens(sim) == 0


def test_an_eviction_empties_the_cache(sim: Simulator) -> None:
    cached_tokens(sim)
    assert sim.evict() == 1
    assert cached_tokens(sim) == 0
    assert cached_tokens(sim) == 2003


def test_lifetimes_follow_the_clock(sim: Simulator, clock: ManualClock) -> None:
    assert [cached_tokens(sim), cached_tokens(sim)] == [0, 2003]
    clock.advance(31 * 60)
    assert cached_tokens(sim) == 0
    assert sim.requests[-1].received_seconds == clock.now_seconds()


def test_concurrent_requests_are_all_served(sim: Simulator) -> None:
    with ThreadPoolExecutor(8) as pool:
        cached = list(pool.map(lambda _: cached_tokens(sim), range(24)))
    assert len(sim.requests) == 24
    assert set(cached) <= {0, 2003}


def test_a_manual_clock_only_goes_forward() -> None:
    clock = ManualClock(start_seconds=5)
    clock.advance(0)
    clock.advance(1.5)
    assert clock.now_seconds() == 6.5
    with pytest.raises(ValueError, match=r"seconds=-1.*>= 0"):
        clock.advance(-1)


def test_the_system_clock_goes_forward_from_now() -> None:
    clock = SystemClock()
    one, two = clock.now_seconds(), clock.now_seconds()
    assert 1_700_000_000 < one <= two


def test_the_application_can_be_mounted_without_a_server() -> None:
    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(create_app(SimConfig(**IMMEDIATE), ManualClock()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://sim") as http:
            headers = {"authorization": "Bearer key"}
            return await http.post("/v1/responses", json={"model": "gpt-4o", "input": "hi"}, headers=headers)

    assert asyncio.run(ask()).json()["status"] == "completed"
