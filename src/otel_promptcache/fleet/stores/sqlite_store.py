"""The store of the workers of one host: a SQLite file, best kept in memory, such as in `/dev/shm`."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from otel_promptcache.fleet.store import Batch, Found, Outcome, Query, StoreError, Update
from otel_promptcache.fleet.stores import sqlite_reading, sqlite_writing

VERSION = 2
"""Version of the tables; a file of a different version is left alone."""
MAX_FILE_BYTES = 256 << 20
"""A larger file is emptied."""
_BUSY_SECONDS = 0.1
_PAGE_BYTES = 4_096
_CLEAN_MS = 30_000
_TABLES = """
CREATE TABLE IF NOT EXISTS prefixes (
    prefix BLOB, scope BLOB, at INTEGER, until INTEGER, unmarked INTEGER, marked INTEGER, expires INTEGER,
    PRIMARY KEY (prefix, scope)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lengths (prefix BLOB PRIMARY KEY, tokens INTEGER, expires INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flights (
    scope BLOB, prefix BLOB, call BLOB, leaves INTEGER, expires INTEGER,
    PRIMARY KEY (scope, prefix, call)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS starts (
    start BLOB, second INTEGER, requests INTEGER, expires INTEGER, PRIMARY KEY (start, second)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS variants (
    template BLOB, variant BLOB, at INTEGER, until INTEGER, scope BLOB, expires INTEGER,
    PRIMARY KEY (template, variant)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bodies (variant BLOB PRIMARY KEY, body BLOB, expires INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pieces (piece BLOB PRIMARY KEY, template BLOB, expires INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digests (
    template BLOB, digest BLOB, expires INTEGER, PRIMARY KEY (template, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (answer BLOB PRIMARY KEY, response_id TEXT, expires INTEGER) WITHOUT ROWID;
"""
TABLES = ("prefixes", "lengths", "flights", "starts", "variants", "bodies", "pieces", "digests", "answers")
_inherited: list[sqlite3.Connection] = []
"""Connections of the parent process, which must be neither used nor closed here."""


class SqliteStore:
    """A file that the processes of one host share. It is created readable by its owner only.

    Args:
        path: Where it is.
        clock: Seconds since the epoch.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None
        self._clean_at = 0

    def run(self, batch: Batch) -> Outcome:
        """Answer the queries and take the updates, in one transaction.

        Raises:
            StoreError: The file cannot be used.
        """
        try:
            return self._run(batch)
        except (sqlite3.Error, OSError) as error:
            is_full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or "full" in str(error)
            if is_full and self._connection is not None:
                self._begin_anew(self._connection)
            else:
                self.close()
            raise StoreError(type(error).__name__) from error

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        self.close()  # from 3.13 on, Python warns of unclosed connections

    def forget(self) -> None:
        """In a forked child: leave the connection to the parent."""
        if self._connection is not None:
            _inherited.append(self._connection)
            self._connection = None

    def _run(self, batch: Batch) -> Outcome:
        connection, now = self._open(), int(self._clock() * 1_000)
        connection.execute("BEGIN IMMEDIATE")
        try:
            if now >= self._clean_at:
                self._clean_at = now + _CLEAN_MS
                for table in TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE expires < ?", (now,))  # noqa: S608  # our own names
            found: list[Found | None] = [self._read(connection, query, now) for query in batch.queries]
            written: list[bool | None] = [self._write(connection, update, now) for update in batch.updates]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return Outcome(found, written)

    def _read(self, connection: sqlite3.Connection, query: Query, now: int) -> Found:
        return sqlite_reading.read(connection.cursor(), query, now)

    def _write(self, connection: sqlite3.Connection, update: Update, now: int) -> bool:
        return sqlite_writing.write(connection.cursor(), update, now)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_in_place():
            return self._connection
        self.close()
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _require_ours(connection)  # first, because the next line would change the file of another program
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # what a crash of the host loses is learned again
            connection.execute(f"PRAGMA max_page_count = {MAX_FILE_BYTES // _PAGE_BYTES}")
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            self._opened = Path(self._path).stat()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _is_in_place(self) -> bool:
        """Whether others that open the path now get the same file; it may have been removed since we opened it."""
        try:
            return self._opened is not None and os.path.samestat(Path(self._path).stat(), self._opened)
        except FileNotFoundError:
            return False

    def _begin_anew(self, connection: sqlite3.Connection) -> None:
        """Forget everything: what is in use is soon learned again."""
        try:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names
        except sqlite3.Error:
            self.close()


def _require_ours(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version not in (0, VERSION) or not names <= set(TABLES):
        raise sqlite3.DatabaseError(f"the file is of another program, or of version {version}")
