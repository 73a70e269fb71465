"""Real processes that share a real cluster, each given the address of one node, and servers that are of no use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.applications import Begin, connected, until_shared, what
from tests.stack.redis import REDIS, Product, RedisServer
from tests.stack.redis_cluster import PASSWORD, RedisCluster, until

NAMESPACE = "test"


@pytest.fixture(scope="module")
def product() -> Product:
    """Redis only: a cluster of Valkey redirects requests in the same way."""
    return REDIS


@pytest.fixture(scope="module")
def module_cluster(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster"), product) as cluster:
        yield cluster


@pytest.fixture
def cluster(module_cluster: RedisCluster) -> RedisCluster:
    for node in module_cluster.nodes:
        node.run("FLUSHALL")
    return module_cluster


@pytest.fixture
def slot(cluster: RedisCluster) -> int:
    return cluster.nodes[0].run("CLUSTER KEYSLOT", f"{{pc:{NAMESPACE}}}")


def test_any_node_leads_to_the_one_that_has_the_keys(
    cluster: RedisCluster, slot: int, begin_at: Begin
) -> None:
    owner = cluster.owner(slot)
    addresses = [node.url for node in (*cluster.nodes, cluster.replica)]
    addresses.append(f"unix://:{PASSWORD}@{cluster.nodes[0].server.socket}")
    applications = [connected(begin_at(address)) for address in addresses]
    assert what(applications[0].ask()) == ("miss", "cold_start")
    for number, application in enumerate(applications[1:]):
        attributes = application.ask(f"Question {number}")
        assert attributes["promptcache.history"] == "fleet"
        assert attributes["promptcache.expected_tokens"] == 1_408
    for application in applications:
        assert set(application.outcomes()) <= {"ok", "late"}
        application.end()
        assert "fleet" not in application.log.read_text()
    assert owner.keys()
    assert not any(node.keys() for node in cluster.nodes if node is not owner)


def test_a_slot_that_moves_to_another_node_is_followed(
    cluster: RedisCluster, slot: int, begin_at: Begin
) -> None:
    source = cluster.owner(slot)
    target = next(node for node in cluster.nodes if node is not source)
    one, other = begin_at(source.url), begin_at(target.url)
    one.ask()
    until_shared(other)
    cluster.prepare_move(slot, source, target)
    assert what(one.ask("On the way")) == ("hit", None)
    assert what(other.ask("On the way")) == ("hit", None)
    cluster.move(slot, source, target)
    try:
        for application in (one, other):
            until_shared(application)
            application.end()
            assert PASSWORD not in application.log.read_text()
        assert target.keys()
        assert not source.keys()
    finally:
        cluster.prepare_move(slot, target, source)
        cluster.move(slot, target, source)


def test_a_replica_that_takes_over_is_found(cluster: RedisCluster, slot: int, begin_at: Begin) -> None:
    owner = cluster.owner(slot)
    cluster.replicate(owner)
    application = begin_at(next(node for node in cluster.nodes if node is not owner).url)
    application.ask()
    until(lambda: len(cluster.replica.keys()) > 0)
    owner.server.kill()
    try:
        assert what(application.ask("While it is away")) == ("hit", None)
        until(lambda: b"role:master" in cluster.raw_info())
        until_shared(application)
        log = application.log.read_text()
        assert log.count("The fleet's memory at") == 1
        assert PASSWORD not in log
    finally:
        owner.server.start()


def test_a_cluster_that_does_not_serve_the_keys_is_said_to_be_down(
    product: Product, begin_at: Begin, tmp_path: Path
) -> None:
    options = ("--cluster-enabled", "yes", "--port", "0")
    with RedisServer(tmp_path, *options, product=product) as lonely:  # it serves no slots
        application = begin_at(lonely.url)
        attributes = application.ask()
        assert attributes["promptcache.history"] == "process"
        assert set(application.outcomes()) == {"failed"}
        application.end()
        assert application.log.read_text().count("is unavailable (ClusterDownError)") == 1


def test_a_replica_that_nobody_may_write_to_is_left_alone(
    product: Product, begin_at: Begin, tmp_path: Path
) -> None:
    with RedisServer(tmp_path, "--replicaof", "127.0.0.1 1", product=product) as replica:
        application = begin_at(replica.url)
        application.ask()
        application.ask()
        application.end()
        assert application.log.read_text().count("The fleet's memory at") == 1


def test_a_user_who_may_not_run_scripts_is_told(product: Product, begin_at: Begin, tmp_path: Path) -> None:
    with RedisServer(tmp_path, product=product) as server:
        with server.client() as client:
            client.execute_command("ACL SETUSER reader on >word ~* +@read +@connection")
        application = begin_at(f"unix://reader:word@{server.socket}")
        assert application.ask()["promptcache.history"] == "process"
        application.end()
        assert application.log.read_text().count("is unavailable (NoPermissionError)") == 1
