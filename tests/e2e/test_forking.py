"""A process that forks while calls are open: each call is reported once, by the process that made it."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest
from openai import OpenAI

from otel_promptcache.sim import Simulator
from tests.conftest import Telemetry

CHAT: dict[str, Any] = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_streams_that_are_open_or_dropped_are_reported_by_the_parent_alone(
    telemetry: Telemetry, simulator: Simulator
) -> None:
    telemetry.instrument()
    client = OpenAI(base_url=simulator.base_url, api_key="test")
    dropped = client.chat.completions.create(**CHAT)
    next(iter(dropped))
    opened = client.chat.completions.create(**CHAT)
    del dropped
    gc.collect()

    child = os.fork()
    if child == 0:
        try:
            opened.close()
            del opened
            gc.collect()
            os._exit(int(telemetry.total("promptcache.requests")))
        finally:
            os._exit(255)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    for _ in opened:
        pass
    assert telemetry.total("promptcache.requests") == 2
    assert len(telemetry.spans) == 2
