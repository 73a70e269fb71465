"""Real processes that share a real Redis, over one provider."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from otel_promptcache.fleet.stores.redis_store import VERSION, RedisStore
from otel_promptcache.sim import filler_text
from tests.fleet.fleets import Clock, SharedStore
from tests.fleet.verdicts import FleetVerdicts
from tests.stack.applications import RULES, Application, Begin, connected, until_shared, what
from tests.stack.redis import Product, RedisServer

CURRENT = b"}" + VERSION.encode()

_numbers = itertools.count()


@pytest.fixture(scope="module")
def module_server(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("server"), product=product) as server:
        yield server


@pytest.fixture
def server(module_server: RedisServer) -> RedisServer:
    with module_server.client() as client:
        client.flushall()
    return module_server


@pytest.fixture
def shared(server: RedisServer) -> SharedStore:
    clock, namespace = Clock(), f"test-{next(_numbers)}"
    return SharedStore(lambda: RedisStore(server.url, namespace, clock), clock)


class TestRedis(FleetVerdicts):
    """The verdicts over a real Redis."""


@pytest.fixture
def begin(begin_at: Begin, server: RedisServer) -> Begin:
    def begin(fleet: str = server.url, **members: str) -> Application:
        return begin_at(fleet, **members)

    return begin


def test_eight_processes_know_what_each_of_them_sent(begin: Begin) -> None:
    applications = [connected(application) for application in [begin() for _ in range(8)]]
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
    first, second = connected(begin()), connected(begin())
    first.ask(tools=tools)
    attributes = second.ask(tools=tools[::-1])
    assert what(attributes) == ("miss", "tools_changed")
    assert attributes["promptcache.divergence.path"] == "tools[0]"
    assert attributes["promptcache.divergence.kind"] == "reordered"
    assert attributes["promptcache.miss.tokens"] > 1_500


def test_requests_at_once_are_concurrent(begin: Begin) -> None:
    applications = [connected(begin()) for _ in range(4)]
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
        assert what(other.ask()) == ("hit", None)  # as the provider reports; its own memory expects nothing
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
def test_a_store_that_is_full_does_no_harm(
    policy: str, begin: Begin, product: Product, tmp_path: Path
) -> None:
    options = ("--maxmemory", "5mb", "--maxmemory-policy", policy)
    with RedisServer(tmp_path, *options, product=product) as small:
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
        assert outcomes["ok"] >= 20  # at least one for each request
        is_refused = policy == "noeviction"
        assert ("failed" in outcomes) == is_refused
        log = application.log.read_text()
        assert log.count("is unavailable (") == is_refused


def test_a_wrong_password_is_said_once_and_not_shown(begin: Begin, product: Product, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "right", product=product) as locked:
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
        attributes = connected(begin(**members)).ask("Another")
        assert attributes["promptcache.expected_tokens"] == 0
    attributes = connected(begin(fleet_key="one")).ask("Another")
    assert attributes["promptcache.expected_tokens"] == 1_408


def test_a_forked_child_asks_by_itself(begin: Begin) -> None:
    parent, other = begin(), begin()
    parent.ask("Before the fork", messages=[{"role": "user", "content": "Hi"}])
    parent.tell("fork")
    assert parent.hear() is None
    other.ask()
    attributes = connected(parent).ask("Another")  # in the child now
    assert attributes["promptcache.expected_tokens"] == 1_408
    assert set(parent.outcomes()) <= {"ok", "late"}
    assert parent.end() == 0


def test_processes_of_five_calls_leave_what_they_know(begin: Begin) -> None:
    expected_at_first: list[tuple[str, int]] = []
    for number in range(4):
        application = begin()
        told = [application.ask(f"Question {number} {call}") for call in range(5)]
        assert application.end() == 0  # right after the last call
        first, *others = [(each["promptcache.history"], each["promptcache.expected_tokens"]) for each in told]
        assert {tokens for _, tokens in others} == {1_408}
        expected_at_first.append(first)
    assert expected_at_first[0][1] == 0
    # The first answer of a process may come before it is connected; then it knows nothing.
    assert set(expected_at_first[1:]) <= {("fleet", 1_408), ("process", 0)}
    assert ("fleet", 1_408) in expected_at_first


def test_values_that_are_none_of_ours_do_no_harm(begin: Begin, server: RedisServer) -> None:
    one, other = begin(), begin()
    one.ask()
    until_shared(other)
    with server.client() as client:
        keys = list(client.scan_iter())
        for key in keys:
            client.rename(key, key.replace(CURRENT, b"}0", 1))  # of another version
            client.set(key, b"nonsense")  # of another type
        for application in (one, other):
            attributes = application.ask("Another")
            assert what(attributes) == ("hit", None)
            assert attributes["promptcache.history"] == "process"
        assert set(client.scan_iter("{pc:test}0*")) == {key.replace(CURRENT, b"}0", 1) for key in keys}
        client.flushall()
    until_shared(one)
    assert one.end() == other.end() == 0
    assert one.log.read_text().count("is unavailable (ResponseError)") == 1


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
    assert kinds == [
        "Query",
        "Update",
        "Update",
        "Query",
        "Update",
    ]  # the length is sent separately, and once


def test_the_server_forgets_what_nobody_uses(server: RedisServer) -> None:
    shared = SharedStore(lambda: RedisStore(server.url, "lives"), Clock())
    shared.process().send({"model": "gpt-4.1", "messages": [RULES, {"role": "user", "content": "Hi"}]})
    with server.client() as client:
        lives = {key: client.ttl(key) for key in client.scan_iter()}
    assert lives
    assert all(0 < seconds <= 86_400 for seconds in lives.values()), lives
