"""The store in Redis or Valkey: one script when a prompt is sent, one when it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, cast

from otel_promptcache.fleet.store import Batch, Found, Outcome, Query, StoreError, Update
from otel_promptcache.fleet.stores.redis_connection import RedisConnection
from otel_promptcache.fleet.stores.redis_replies import read_found

VERSION = "2"
"""Version of the keys and values; each version has keys of its own."""

_FOLDER = files("otel_promptcache.fleet.stores")


class RedisStore:
    """A Redis or Valkey server, 6.2 or later.

    Args:
        url: As redis-py expects it.
        namespace: Whose processes share its content: those of one organisation at the provider.
        clock: Seconds since the epoch; None for the server's own.

    Raises:
        MissingPackageError: redis-py is not installed.
        ValueError: redis-py cannot read the URL.
    """

    def __init__(self, url: str, namespace: str, clock: Callable[[], float] | None = None) -> None:
        self._connection = RedisConnection(url)
        self._base = f"{{pc:{namespace}}}{VERSION}".encode()
        self._clock = clock
        self._read, self._write = _Script("read.lua"), _Script("write.lua")

    def run(self, batch: Batch) -> Outcome:
        """Send everything in one pipeline, and read all replies.

        Raises:
            StoreError: There is no connection, or no reply in time.
        """
        commands = [(self._read, self._query(query)) for query in batch.queries]
        commands += [(self._write, self._update(update)) for update in batch.updates]
        try:
            replies = self._send(commands)
        except self._connection.errors as error:
            self.close()
            raise StoreError(type(error).__name__) from error
        count = len(batch.queries)
        found = [self._found(reply) for reply in replies[:count]]
        written = [reply == 1 if isinstance(reply, int) else None for reply in replies[count:]]
        refusal = next((type(reply).__name__ for reply in replies if isinstance(reply, Exception)), "")
        return Outcome(found, written, refusal)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        self._connection.forget()

    def _send(self, commands: Sequence[tuple[_Script, list[bytes | int]]]) -> list[Any]:
        """The replies, with an error in place of one that was refused."""
        send = self._connection.send
        replies = send([(b"EVALSHA", script.sha, 1, *args) for script, args in commands])
        lost = [index for index, reply in enumerate(replies) if isinstance(reply, self._connection.no_script)]
        if lost:
            again = [(b"EVAL", commands[index][0].text, 1, *commands[index][1]) for index in lost]
            for index, reply in zip(lost, send(again), strict=True):
                replies[index] = reply
        return replies

    def _query(self, query: Query) -> list[bytes | int]:
        return [
            self._base,
            b"".join(query.chain),
            query.roles,
            b"1" if query.has_boundaries else b"0",
            query.scope,
            query.call,
            query.start,
            _milliseconds(query.age_seconds),
            query.template,
            query.answers or b"",
            query.enough,
            b"".join(query.held),
            query.digest or b"",
            b"".join(query.pieces),
            self._now(),
        ]

    def _update(self, update: Update) -> list[bytes | int]:
        variant = update.variant
        left = [
            each.place.to_bytes(2, "big")
            + bytes((each.is_marked,))
            + _milliseconds(each.life_seconds).to_bytes(6, "big")
            for each in update.left
        ]
        return [
            self._base,
            b"".join(update.chain),
            update.scope,
            _milliseconds(update.age_seconds),
            _milliseconds(update.life_seconds),
            b"".join(left),
            b"".join(
                [prefix + min(tokens, 0xFFFFFFFF).to_bytes(4, "big") for prefix, tokens in update.tokens]
            ),
            update.call,
            update.asked_scope,
            b"".join(update.flights),
            variant.template if variant else b"",
            variant.variant if variant else b"",
            b"1" if variant and variant.body is not None else b"0",
            (variant and variant.body) or b"",
            b"".join(variant.pieces) if variant else b"",
            update.answers or b"",
            (update.response_id or "").encode("utf-8", "surrogatepass"),
            update.start,
            _milliseconds(update.start_age_seconds),
            update.starts,
            self._now(),
        ]

    def _now(self) -> int | bytes:
        return b"" if self._clock is None else int(self._clock() * 1_000)

    @staticmethod
    def _found(reply: Any) -> Found | None:
        return read_found(cast("list[object]", reply)) if isinstance(reply, list) else None


class _Script:
    """A script, and the name under which the server keeps it."""

    def __init__(self, name: str) -> None:
        self.text = (_FOLDER / name).read_bytes()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1_000))
