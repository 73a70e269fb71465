"""The connection to a Redis; in a cluster, to the node that has the keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

TIMEOUT_SECONDS = 0.5
"""To connect, and for an answer."""
_MOST_MOVES = 2
"""Redirects in one send: more means that the nodes disagree."""

_EMPTY = b"$0\r\n\r\n"

Command = Sequence[bytes | int]


class MissingPackageError(ImportError):
    """The package for the setting is not installed."""


class RedisConnection:
    """Sends commands to the server that has the keys of one namespace.

    The keys share one hash tag, so in a cluster one node has them all. Any node names it when asked, so no map of the
    cluster is needed. If that node fails, the next connection starts at the URL again.

    Args:
        url: As redis-py expects it.

    Raises:
        MissingPackageError: redis-py is not installed.
        ValueError: redis-py cannot read the URL.
    """

    def __init__(self, url: str) -> None:
        try:
            redis, exceptions = import_module("redis"), import_module("redis.exceptions")
        except ImportError as error:
            raise MissingPackageError(
                "fleet needs redis-py for this address: pip install 'otel-promptcache[fleet]'"
            ) from error
        self.errors: tuple[type[Exception], ...] = (exceptions.RedisError, OSError, ValueError)
        """What `send` raises."""
        self.no_script: type[Exception] = exceptions.NoScriptError
        """The reply to a script whose hash the server does not know."""
        self._refusal: type[Exception] = exceptions.ResponseError
        self._moved: type[Exception] = exceptions.MovedError
        self._unusable: tuple[type[Exception], ...] = (
            exceptions.ClusterDownError,
            exceptions.MovedError,
            exceptions.NoPermissionError,
            exceptions.ReadOnlyError,
        )
        self._pool_type: Any = redis.ConnectionPool
        self._url = url
        self._home = self._pool(url)
        self._connection: Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send a pipeline and return the replies, with an error in place of one that was refused.

        Raises:
            Exception: One of `errors`: there is no connection, no answer in time, or the server refuses
                everything, as a replica does. The caller closes the connection.
        """
        replies = self._exchange(commands)
        for _ in range(_MOST_MOVES):
            moved = [index for index, reply in enumerate(replies) if isinstance(reply, self._moved)]
            if not moved:
                break
            self._move(replies[moved[0]])
            for index, reply in zip(moved, self._exchange([commands[at] for at in moved]), strict=True):
                replies[index] = reply
        for reply in replies:
            if isinstance(reply, self._unusable):
                raise reply
        return replies

    def close(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        self._connection = None

    def _move(self, moved: Any) -> None:
        """Connect to the node that has the keys."""
        self.close()
        self._open(self._pool(_url_of_node(self._url, str(moved.host), int(moved.port))))

    def _open(self, pool: Any) -> Any:
        connection = pool.make_connection()
        connection.connect()
        self._connection = connection
        return connection

    def _pool(self, url: str) -> Any:
        return self._pool_type.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, protocol=2
        )

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection or self._open(self._home)
        connection.send_packed_command([_packed(commands)], check_health=False)
        return [self._reply(connection) for _ in commands]

    def _reply(self, connection: Any) -> Any:
        try:
            return connection.read_response()
        except self._refusal as error:
            return error


def _url_of_node(url: str, host: str, port: int) -> str:
    """Return the URL with the node's host and port; a node that does not know its host gets that of the URL."""
    parts = urlsplit(url)
    user, mark, _ = parts.netloc.rpartition("@")
    host = host or parts.hostname or "localhost"
    netloc = f"{user}{mark}{f'[{host}]' if ':' in host else host}:{port}"
    if parts.scheme == "unix":
        return urlunsplit(("redis", netloc, "", parts.query, ""))
    return urlunsplit(parts._replace(netloc=netloc))


def _packed(commands: Iterable[Command]) -> bytes:
    """Commands in Redis' protocol, in about a third of the time that redis-py takes for arguments of any type."""
    return b"".join(map(_packed_command, commands))


def _packed_command(command: Command) -> bytes:
    arguments = [each if isinstance(each, bytes) else b"%d" % each for each in command]
    parts = [b"$%d\r\n%b\r\n" % (len(each), each) if each else _EMPTY for each in arguments]
    return b"*%d\r\n%b" % (len(parts), b"".join(parts))
