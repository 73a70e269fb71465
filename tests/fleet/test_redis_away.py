"""A Redis that is unreachable, is no Redis at all, sends nonsense, or does not answer."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from otel_promptcache.fleet.store import Batch, Left, Query, StoreError, Update, VariantUpdate
from otel_promptcache.fleet.stores import redis_connection
from otel_promptcache.fleet.stores.redis_store import VERSION, RedisStore

QUERY = Query(
    chain=[b"prefix01"], roles=b"\0", has_boundaries=False, scope=b"scope", call=b"call", start=b"start",
    age_seconds=0.0, template=b"template", answers=None, enough=1,
)  # fmt: skip
UPDATE = Update(
    scope=b"scope", chain=(b"prefix01",), left=(Left(0, True, 300.0),), tokens=((b"prefix01", 2**40),),  # noqa: FBT003
    variant=VariantUpdate(template=b"template", variant=b"variant1", body=b"body", pieces=(b"piece",)),
    answers=b"answers1", response_id="resp_1",
)  # fmt: skip


CRLF = "\r\n"


class Impostor:
    """Gives the test's reply on a socket, whatever it is asked."""

    def __init__(self, folder: Path, reply: Callable[[bytes], bytes]) -> None:
        self.path = str(folder / "impostor.sock")
        self._reply = reply
        self.asked: list[bytes] = []
        self._connections: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._connections.append(connection)
            with connection:
                while data := _received(connection):
                    self.asked.append(data)
                    if reply := self._reply(data):
                        connection.sendall(reply)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._connections:
            with suppress(OSError):  # already closed
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except OSError:
        return b""


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Callable[[Callable[[bytes], bytes]], Impostor]]:
    started: list[Impostor] = []

    def start(reply: Callable[[bytes], bytes]) -> Impostor:
        started.append(Impostor(tmp_path, reply))
        return started[-1]

    yield start
    for each in started:
        each.close()


def greets(then: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Accept everything that redis-py says about itself, and answer scripts."""
    return lambda data: then(data) if b"EVAL" in data else b"+OK\r\n" * data.count(b"SETINFO")


def test_where_nobody_listens(tmp_path: Path) -> None:
    store = RedisStore(f"unix://{tmp_path / 'none.sock'}", "n")
    with pytest.raises(StoreError, match="ConnectionError"):
        store.run(Batch([QUERY]))
    store.close()


def test_what_does_not_answer_in_time(
    impostor: Callable[..., Impostor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "TIMEOUT_SECONDS", 0.05)
    store = RedisStore(f"unix://{impostor(greets(lambda _: b'')).path}", "n")
    with pytest.raises(StoreError, match="TimeoutError"):
        store.run(Batch([QUERY]))
    assert not store._connection.is_open


def test_what_is_no_redis(impostor: Callable[..., Impostor]) -> None:
    store = RedisStore(f"unix://{impostor(lambda _: b'HTTP/1.1 400 Bad Request').path}", "n")
    with pytest.raises(StoreError):
        store.run(Batch([QUERY]))


def test_what_is_refused_is_none_and_the_connection_stays(impostor: Callable[..., Impostor]) -> None:
    store = RedisStore(f"unix://{impostor(greets(lambda _: b'-OOM no memory' + bytes((13, 10)))).path}", "n")
    outcome = store.run(Batch([QUERY]))
    assert (outcome.found, outcome.refusal) == ([None], "OutOfMemoryError")
    assert store.run(Batch([], [UPDATE])).written == [None]
    assert store._connection.is_open
    store.close()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("READONLY You can't write against a read only replica.", "ReadOnlyError"),
        ("CLUSTERDOWN Hash slot not served", "ClusterDownError"),
        ("MASTERDOWN Link with MASTER is down", "MasterDownError"),
        ("NOPERM this user has no permissions to run the 'evalsha' command", "NoPermissionError"),
        ("MOVED 1247 127.0.0.1:1", "ConnectionError"),
        ("MOVED nonsense", "ValueError"),
        ("MOVED 1247 127.0.0.1:99999999", "ValueError"),
    ],
)
def test_a_server_that_refuses_all_is_left_alone(
    reply: str, why: str, impostor: Callable[..., Impostor]
) -> None:
    store = RedisStore(f"unix://{impostor(greets(lambda _: f'-{reply}{CRLF}'.encode())).path}", "n")
    with pytest.raises(StoreError, match=why):
        store.run(Batch([QUERY]))
    assert not store._connection.is_open


@pytest.mark.parametrize(
    ("url", "host", "node"),
    [
        ("redis://h", "n", "redis://n:7"),
        ("rediss://u:p%40ss@h:1/0?x=1", "n", "rediss://u:p%40ss@n:7/0?x=1"),
        ("redis://:p@h:1", "", "redis://:p@h:7"),
        ("redis://[::1]:1", "", "redis://[::1]:7"),
        ("redis://h:1", "::2", "redis://[::2]:7"),
        ("unix://u:p@/run/redis.sock?db=0", "n", "redis://u:p@n:7?db=0"),
        ("unix:///run/redis.sock", "", "redis://localhost:7"),
    ],
)
def test_a_node_is_asked_as_the_url_says(url: str, host: str, node: str) -> None:
    assert redis_connection._url_of_node(url, host, 7) == node


def test_nodes_that_disagree_are_not_followed_for_ever(tmp_path: Path) -> None:
    hops: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        moved = f"-MOVED 1247 127.0.0.1:{server.getsockname()[1]}{CRLF}".encode()

        def serve() -> None:
            for _ in range(3):
                with server.accept()[0] as connection:
                    while data := _received(connection):
                        if b"EVAL" in data:
                            hops.append(data)
                            connection.sendall(moved)
                        else:
                            connection.sendall(b"+OK\r\n" * data.count(b"SETINFO"))

        thread = threading.Thread(target=serve)
        thread.start()
        store = RedisStore(f"redis://127.0.0.1:{server.getsockname()[1]}", "n")
        with pytest.raises(StoreError, match="MovedError"):
            store.run(Batch([QUERY]))
        thread.join()
    assert len(hops) == 3


def test_what_answers_in_another_shape_is_none(impostor: Callable[..., Impostor]) -> None:
    store = RedisStore(
        f"unix://{impostor(greets(lambda _: b'*1' + bytes((13, 10)) + b':1' + bytes((13, 10)))).path}", "n"
    )
    assert store.run(Batch([QUERY])).found == [None]
    store.close()


def test_an_update_says_what_it_has_to(impostor: Callable[..., Impostor]) -> None:
    asked = impostor(greets(lambda _: b":1\r\n"))
    store = RedisStore(f"unix://{asked.path}", "n", lambda: 5.0)
    assert store.run(Batch([], [UPDATE])).written == [True]
    for part in (
        b"{pc:n}" + VERSION.encode(),
        b"prefix01",
        b"\0\0\1\0\0\0\4\x93\xe0",
        b"prefix01\xff\xff\xff\xff",
        b"variant1",
        b"resp_1",
        b"5000",
    ):
        assert part in asked.asked[-1]
    store.close()


def test_a_script_that_is_not_known_is_sent(impostor: Callable[..., Impostor]) -> None:
    def reply(data: bytes) -> bytes:
        return b"-NOSCRIPT No matching script.\r\n" if b"EVALSHA" in data else b":0\r\n"

    asked = impostor(greets(reply))
    store = RedisStore(f"unix://{asked.path}", "n")
    assert store.run(Batch([], [UPDATE])).written == [False]
    assert b"local base = KEYS[1]" in b"".join(asked.asked)
    store.close()


def test_a_forked_child_leaves_the_connection_to_its_parent(impostor: Callable[..., Impostor]) -> None:
    store = RedisStore(f"unix://{impostor(greets(lambda _: b':0' + bytes((13, 10)))).path}", "n")
    store.run(Batch([], [UPDATE]))
    connection = store._connection._connection
    child = os.fork()
    if not child:
        store.forget()
        os._exit(1 if store._connection.is_open else 0)
    assert os.waitpid(child, 0)[1] == 0
    assert store.run(Batch([], [UPDATE])).written == [False]
    assert store._connection._connection is connection
    store.close()


def test_what_redis_py_cannot_read_is_an_error_of_the_setting() -> None:
    with pytest.raises(ValueError, match="socket_timeout"):
        RedisStore("redis://h?socket_timeout=long", "n")
