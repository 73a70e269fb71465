"""Real processes that share a real Redis, over one provider."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

import pytest
import redis

from otel_promptcache.fleet.stores.redis_store import RedisStore
from otel_promptcache.sim import SimConfig, Simulator, filler_text
from tests.fleet.fleets import Clock, SharedStore
from tests.fleet.verdicts import FleetVerdicts
from tests.stack.parts import PartMissingError
from tests.stack.redis import RedisServer, redis_program

ROOT = Path(__file__).parents[2]
RULES = {"role": "system", "content": filler_text(1_500)}
SECRETS = (
    "SECRETSYSTEM", "SECRETQUESTION", "SECRETTOOL", "SECRETPROPERTY", "SECRETCACHEKEY", "SECRETAPIKEY",
    "SECRETHEADER", "SECRETFLEETKEY",
)  # fmt: skip
_numbers = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def _redis_is_there() -> None:
    try:
        redis_program()
    except PartMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(module_server: RedisServer) -> RedisServer:
    with module_server.client() as client:
        client.flushall()
    return module_server


@pytest.fixture
def provider() -> Iterator[Simulator]:
    """A provider whose models take a while, as real ones do."""
    config = SimConfig(prefill_seconds_per_1k_tokens=0.1, overflow_requests_per_minute=None)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def shared(server: RedisServer) -> SharedStore:
    clock, namespace = Clock(), f"test-{next(_numbers)}"
    return SharedStore(lambda: RedisStore(server.url, namespace, clock), clock)


class TestRedis(FleetVerdicts):
    """The verdicts over a real Redis."""


@final
class Application:
    """A process of its own."""

    def __init__(
        self, base_url: str, fleet: str, namespace: str, fleet_key: str, api_key: str, log: Path
    ) -> None:
        self.log = log
        module = [sys.executable, "-m", "tests.stack.fleet_program"]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*module, base_url, api_key, fleet, namespace, fleet_key],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.log.read_text()
        return json.loads(line)

    def ask(self, question: str = "Hi", **members: Any) -> dict[str, Any]:
        """Send a request and wait for what is said of it."""
        self.send(question, **members)
        return self.hear()

    def send(self, question: str = "Hi", **members: Any) -> None:
        messages = [RULES, {"role": "user", "content": question}]
        self.tell(json.dumps({"model": "gpt-4.1", "messages": messages, **members}))

    def outcomes(self) -> dict[str, int]:
        self.tell("metrics")
        return self.hear()

    def end(self) -> int:
        """Let it end by itself; its exit code."""
        self._close()
        return self._process.wait(60)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


Begin = Callable[..., Application]


@pytest.fixture
def begin(provider: Simulator, server: RedisServer, tmp_path: Path) -> Iterator[Begin]:
    """Begins processes, and ends those that are left."""
    running: list[Application] = []

    def begin(
        fleet: str = server.url, namespace: str = "test", fleet_key: str = "", api_key: str = "key"
    ) -> Application:
        log = tmp_path / f"{len(running)}.log"
        running.append(Application(provider.base_url, fleet, namespace, fleet_key, api_key, log))
        return running[-1]

    yield begin
    for application in running:
        application.kill()


def what(attributes: dict[str, Any]) -> tuple[str, str | None]:
    return attributes["promptcache.result"], attributes.get("promptcache.miss.reason")


def until_shared(application: Application) -> None:
    """Send requests until one is judged with the store again."""
    for number in range(100):
        before = application.outcomes().get("ok", 0)
        application.ask(f"Question {number}")
        if application.outcomes().get("ok", 0) > before:
            return
    pytest.fail(f"the store was not used again: {application.outcomes()}")


def test_eight_processes_know_what_each_of_them_sent(begin: Begin) -> None:
    applications = [begin() for _ in range(8)]
    first = applications[0].ask()
    assert what(first) == ("miss", "cold_start")
    for number, application in enumerate(applications[1:]):
        attributes = application.ask(f"Question {number}")
        assert what(attributes) == ("hit", None)
        assert attributes["promptcache.expected_tokens"] == 1_408
    assert all("failed" not in application.outcomes() for application in applications)


def test_an_order_of_tools_in_each_process(begin: Begin) -> None:
    tools = [
        {
            "type": "function",
            "function": {"name": f"tool_{number}", "description": filler_text(60, seed=number)},
        }
        for number in range(6)
    ]
    first, second = begin(), begin()
    first.ask(tools=tools)
    attributes = second.ask(tools=tools[::-1])
    assert what(attributes) == ("miss", "tools_changed")
    assert attributes["promptcache.divergence.path"] == "tools[0]"
    assert attributes["promptcache.divergence.kind"] == "reordered"
    assert attributes["promptcache.miss.tokens"] > 1_500


def test_requests_at_once_are_concurrent(begin: Begin) -> None:
    applications = [begin() for _ in range(4)]
    for application in applications:
        application.ask("Be ready", messages=[{"role": "user", "content": "Hi"}])
    for application in applications:
        application.send()
    reasons = sorted(what(application.hear())[1] or "" for application in applications)
    assert reasons[0] == "cold_start" or reasons.count("concurrent") == 4
    assert reasons.count("concurrent") >= 3


def test_a_store_that_hangs_slows_no_call_and_loses_none(begin: Begin, server: RedisServer) -> None:
    one, other = begin(), begin()
    one.ask()
    server.hold()
    try:
        assert what(other.ask()) == ("hit", None)  # by what the provider says; its own memory expects nothing
        assert what(one.ask("Another")) == ("hit", None)
        assert one.outcomes().get("ok", 0) <= 2
        assert one.end() == 0  # though the store hangs
    finally:
        server.go_on()
    until_shared(other)


def test_a_store_that_is_killed_and_comes_back_is_used_again(begin: Begin, server: RedisServer) -> None:
    application = begin()
    application.ask()
    server.kill()
    assert what(application.ask("Another")) == ("hit", None)
    server.start()
    until_shared(application)
    assert application.outcomes()["failed"] >= 1
    assert application.log.read_text().count("The fleet's memory at") == 1


@pytest.mark.parametrize("policy", ["allkeys-lru", "noeviction"])
def test_a_store_that_is_full_does_no_harm(policy: str, begin: Begin, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--maxmemory", "5mb", "--maxmemory-policy", policy) as small:
        with small.client() as client:
            for number in range(10_000):
                try:
                    client.set(f"filler-{number}", bytes(1_000))
                except redis.OutOfMemoryError:
                    break
        application = begin(small.url)
        for number in range(20):
            result, _ = what(application.ask(f"Question {number}"))
            assert result == ("hit" if number else "miss")
        outcomes = application.outcomes()
        assert outcomes["ok"] >= 20  # each was asked about, at least
        assert ("failed" in outcomes) == (policy == "noeviction")


def test_a_wrong_password_is_said_once_and_not_shown(begin: Begin, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "right") as locked:
        for url in (f"unix://:pa55word@{locked.socket}", locked.url):
            application = begin(url)
            for _ in range(3):
                application.ask()
            assert set(application.outcomes()) == {"failed"}
            application.end()
            log = application.log.read_text()
            assert log.count("The fleet's memory at") == 1
            assert "pa55word" not in log
        application = begin(f"unix://:right@{locked.socket}")
        application.ask()
        assert "failed" not in application.outcomes()


def test_another_namespace_and_another_key_share_nothing(begin: Begin, server: RedisServer) -> None:
    begin(fleet_key="one").ask()
    for members in ({"namespace": "second", "fleet_key": "one"}, {"fleet_key": "other"}):
        attributes = begin(**members).ask("Another")
        assert attributes["promptcache.expected_tokens"] == 0
    attributes = begin(fleet_key="one").ask("Another")
    assert attributes["promptcache.expected_tokens"] == 1_408


def test_a_forked_child_asks_by_itself(begin: Begin) -> None:
    parent, other = begin(), begin()
    parent.ask("Before the fork", messages=[{"role": "user", "content": "Hi"}])
    parent.tell("fork")
    assert parent.hear() is None
    other.ask()
    attributes = parent.ask("Another")  # in the child now
    assert attributes["promptcache.expected_tokens"] == 1_408
    assert set(parent.outcomes()) == {"ok"}
    assert parent.end() == 0


def test_processes_of_five_calls_leave_what_they_know(begin: Begin) -> None:
    for number in range(4):
        application = begin()
        expected = [
            application.ask(f"Question {number} {call}")["promptcache.expected_tokens"] for call in range(5)
        ]
        assert application.end() == 0  # at once after the last call
        assert expected == ([0] if number == 0 else [1_408]) + [1_408] * 4


def test_nothing_of_a_request_is_in_the_store(begin: Begin, server: RedisServer) -> None:
    application = begin(fleet_key="SECRETFLEETKEY", api_key="SECRETAPIKEY")
    tools = [
        {
            "type": "function",
            "function": {
                "name": name,
                "parameters": {"type": "object", "properties": {"SECRETPROPERTY": {}}},
            },
        }
        for name in ("SECRETTOOL", "SECRETTOOL2")
    ]
    for order in (tools, tools[::-1]):
        application.ask(
            messages=[
                {**RULES, "content": f"SECRETSYSTEM {RULES['content']}"},
                {"role": "user", "content": "SECRETQUESTION"},
            ],
            tools=order,
            prompt_cache_key="SECRETCACHEKEY",
            extra_headers={"x-session-id": "SECRETHEADER"},
        )
    application.end()
    contents = list(server.contents())
    assert len(contents) > 20
    assert any(b"{pc:test}" in each for each in contents)
    for each in contents:
        assert not any(secret.lower().encode() in each.lower() for secret in SECRETS), each


def test_a_script_that_the_server_forgot_is_sent_again(server: RedisServer) -> None:
    clock = Clock()
    shared = SharedStore(lambda: RedisStore(server.url, "scripts", clock), clock)
    process = shared.process()
    body = {"model": "gpt-4.1", "messages": [RULES, {"role": "user", "content": "Hi"}]}
    process.send(body)
    with server.client() as client:
        client.script_flush()
    process.send(body, read=1_408)
    kinds = [type(each).__name__ for each in process.runner.operations]
    assert kinds == ["Query", "Update", "Update"] * 2  # the length is told apart


def test_the_server_forgets_what_nobody_uses(server: RedisServer) -> None:
    shared = SharedStore(lambda: RedisStore(server.url, "lives"), Clock())
    shared.process().send({"model": "gpt-4.1", "messages": [RULES, {"role": "user", "content": "Hi"}]})
    with server.client() as client:
        lives = {key: client.ttl(key) for key in client.scan_iter()}
    assert lives
    assert all(0 < seconds <= 86_400 for seconds in lives.values()), lives
