"""The gunicorn recipe with a fleet's memory: each of eight workers asks it with its own thread."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from otel_promptcache.fleet.stores.redis_connection import TIMEOUT_SECONDS
from otel_promptcache.sim import SimConfig, Simulator
from tests.stack.applications import what
from tests.stack.metrics_sink import MetricsSink
from tests.stack.parts import python_packages
from tests.stack.redis import RedisServer
from tests.stack.served import PROVIDER, READY
from tests.stack.served_fleet import GREETING, QUESTION, TOOLS
from tests.stack.services import Service, free_port

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples" / "workers"
WORKERS, CALLS_OF_A_WORKER = 8, 25
AT_A_TIME, MOST_ROUNDS = 16, 400

Answer = tuple[int, dict[str, Any]]


class Site:
    """The application that gunicorn serves, and how many calls it has made."""

    def __init__(self, port: int) -> None:
        self._port, self._pool = port, ThreadPoolExecutor(AT_A_TIME)
        self.calls = 0

    def ask(self, path: str) -> Answer:
        """Ask over a new connection, so that any worker may answer."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("GET", path)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer["process"], answer["attributes"]

    def ask_until(
        self, path: str, is_enough: Callable[[list[Answer]], bool], at_a_time: int = AT_A_TIME
    ) -> list[Answer]:
        """Ask many times in parallel, round after round, until the answers suffice."""
        answers: list[Answer] = []
        for _ in range(MOST_ROUNDS):
            answers += self._pool.map(self.ask, [path] * at_a_time)
            self.calls += at_a_time
            if is_enough(answers):
                return answers
        pytest.fail(f"after {len(answers)} answers: {answers[-AT_A_TIME:]}")

    def close(self) -> None:
        self._pool.shutdown()


def processes(answers: list[Answer]) -> set[int]:
    return {process for process, _ in answers}


def knowing(answers: list[Answer], verdict: tuple[str, str | None] | None = None) -> set[int]:
    """The processes that gave a verdict with the fleet's memory: any verdict, or a given one."""
    return {
        process
        for process, told in answers
        if told["promptcache.history"] == "fleet" and verdict in (None, what(told))
    }


@pytest.mark.parametrize(("is_preloaded", "kind"), [(True, "redis"), (False, "file")])
def test_workers_that_are_forked_share_what_they_know(is_preloaded: bool, kind: str, tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        redis_server = stack.enter_context(RedisServer(tmp_path))
        sink = stack.enter_context(MetricsSink())
        config = SimConfig(overflow_requests_per_minute=None, decode_seconds_per_token=0.005)
        provider = stack.enter_context(Simulator(config))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src", RECIPES, python_packages()))),
            PROVIDER: provider.base_url,
            "OTEL_PYTHON_PROMPTCACHE_FLEET": redis_server.url
            if kind == "redis"
            else f"file:{tmp_path / 'fleet.db'}",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": sink.url,
        }
        command = [
            *(sys.executable, "-m", "gunicorn"),
            *("--config", str(RECIPES / "gunicorn.conf.py")),
            *("--bind", f"127.0.0.1:{port}"),
            *("--workers", str(WORKERS)),
            *(["--preload", "--max-requests", str(CALLS_OF_A_WORKER)] if is_preloaded else []),
            "tests.stack.served_fleet:wsgi",
        ]
        with Service("gunicorn", command, port, READY, tmp_path, environment) as running:
            site = Site(port)
            stack.callback(site.close)
            first = site.ask_until(GREETING, lambda answers: len(processes(answers)) >= WORKERS)
            site.ask_until(QUESTION, lambda answers: len(knowing(answers)) >= WORKERS)
            site.ask_until(TOOLS, lambda answers: True, at_a_time=1)  # one order is known from here on
            site.ask_until(GREETING, lambda answers: True)
            orders = site.ask_until(
                TOOLS, lambda answers: len(knowing(answers, ("miss", "tools_changed"))) >= WORKERS // 2
            )
            assert not knowing(orders[AT_A_TIME:], ("miss", "cold_start"))
            if is_preloaded:
                earlier = processes([*first, *orders])
                restarted = site.ask_until(QUESTION, lambda answers: len(knowing(answers) - earlier) >= 2)
                assert {what(told) for _, told in restarted} == {("hit", None)}
            asked = site.calls
            if kind == "redis":
                redis_server.hold()
                noticed = time.monotonic() + 3 * TIMEOUT_SECONDS
                site.ask_until(
                    QUESTION,
                    lambda answers: len(processes(answers)) >= WORKERS // 2 and time.monotonic() > noticed,
                )
        redis_server.go_on()
        assert running.exit_code == 0
        assert "SIGKILL" not in running.log  # each ended on its own, although the store hung
        assert "Traceback" not in running.log
        assert sum(sink.total("promptcache.requests").values()) == site.calls
        outcomes = sink.total("promptcache.fleet.operations", "promptcache.fleet.outcome")
        assert sum(outcomes.values()) >= site.calls  # each call is a query, and an update if it has news
        assert outcomes["ok"] + outcomes["late"] > asked
        assert ("failed" in outcomes) == (kind == "redis")
