"""A real cluster of Redis or Valkey on loopback: three nodes with a third of the slots each, and a replica."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, final

import redis

from tests.stack.redis import Product, RedisServer
from tests.stack.services import free_port

PASSWORD = "pa55word"
_SLOTS, _NODES = 16_384, 3
_AGREE_SECONDS = 60.0


@final
class Node:
    """One server of the cluster."""

    def __init__(self, folder: Path, product: Product) -> None:
        folder.mkdir()
        self.port, self.bus_port = free_port(), free_port()
        self.server = RedisServer(
            folder,
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--requirepass", PASSWORD),
            *("--masterauth", PASSWORD),
            *("--cluster-enabled", "yes"),
            *("--cluster-port", str(self.bus_port)),
            *("--cluster-node-timeout", "1000"),
            product=product,
        )
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}"

    def run(self, *command: Any) -> Any:
        with self.server.client(password=PASSWORD) as client:
            return client.execute_command(*command)

    @property
    def name(self) -> str:
        return self.run("CLUSTER MYID").decode()

    def knows(self, count: int) -> bool:
        """Whether it knows `count` nodes and all slots are served."""
        info = self.run("CLUSTER INFO")
        return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(count)

    def keys(self) -> list[bytes]:
        return self.run("KEYS", "*")


@final
class RedisCluster:
    """The cluster, for as long as the block runs."""

    def __init__(self, folder: Path, product: Product) -> None:
        self.nodes = [Node(folder / str(number), product) for number in range(_NODES)]
        self.replica = Node(folder / "replica", product)
        self._stack = ExitStack()

    def __enter__(self) -> RedisCluster:
        everyone = [*self.nodes, self.replica]
        with ExitStack() as stack:
            for node in everyone:
                stack.enter_context(node.server)
            for number, node in enumerate(self.nodes):
                first, last = (_SLOTS * each // _NODES for each in (number, number + 1))
                node.run("CLUSTER ADDSLOTSRANGE", first, last - 1)
            for node in everyone[1:]:
                node.run("CLUSTER MEET", "127.0.0.1", everyone[0].port, everyone[0].bus_port)
            until(lambda: all(node.knows(len(everyone)) for node in everyone))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def owner(self, slot: int) -> Node:
        """The node that has a slot."""
        return self.nodes[slot * _NODES // _SLOTS]

    def replicate(self, node: Node) -> None:
        """Have the replica follow a node, and wait until it does."""
        self.replica.run("CLUSTER REPLICATE", node.name)
        until(lambda: b"master_link_status:up" in self.raw_info())

    def raw_info(self) -> bytes:
        with self.replica.server.client(password=PASSWORD) as client:
            client.response_callbacks.pop("INFO", None)
            return client.execute_command("INFO", "replication")

    def move(self, slot: int, source: Node, target: Node) -> None:
        """Move a slot that `prepare_move` has prepared, with all its keys."""
        to = ("127.0.0.1", target.port, "", 0, 5_000)
        assert source.run("MIGRATE", *to, "AUTH", PASSWORD, "KEYS", *source.keys()) == b"OK"
        for node in (target, source, *self.nodes):
            node.run("CLUSTER SETSLOT", slot, "NODE", target.name)

    def prepare_move(self, slot: int, source: Node, target: Node) -> None:
        """Start moving a slot to another node; until it has arrived there, both nodes redirect requests."""
        target.run("CLUSTER SETSLOT", slot, "IMPORTING", source.name)
        source.run("CLUSTER SETSLOT", slot, "MIGRATING", target.name)


def until(condition: Any) -> None:
    """Wait until a condition holds."""
    give_up = time.monotonic() + _AGREE_SECONDS
    while not _holds(condition):
        assert time.monotonic() < give_up, "the nodes do not agree"
        time.sleep(0.05)


def _holds(condition: Any) -> bool:
    try:
        return condition()
    except redis.ConnectionError:  # while it loads
        return False
