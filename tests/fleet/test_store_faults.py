"""A file that is unusable, full, or not ours; and nonsensical answers from Redis."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from otel_promptcache.fleet.store import Batch, Query, StoreError, Update, VariantUpdate
from otel_promptcache.fleet.stores import redis_connection, sqlite_store
from otel_promptcache.fleet.stores.redis_connection import MissingPackageError
from otel_promptcache.fleet.stores.redis_replies import read_found
from otel_promptcache.fleet.stores.redis_store import RedisStore
from otel_promptcache.fleet.stores.sqlite_store import SqliteStore
from tests.fleet.fleets import in_a_file
from tests.unit.prompts import chat, prose, system, user

BODY = chat(system(prose(1_500)), user("Hi"))


def query(number: int = 0) -> Query:
    return Query(
        chain=[number.to_bytes(8, "big")], roles=b"\0", has_boundaries=False, scope=b"scope", call=b"call",
        start=b"start", age_seconds=0.0, template=b"template", answers=None, enough=1,
    )  # fmt: skip


def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "fleet.db"))
    store.run(Batch([query()]))
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.close()


@pytest.mark.parametrize("content", [b"This is no database. " * 100, b"SQLite format 3\0" + bytes(5_000)])
def test_what_is_no_database_is_not_used(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "fleet.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="DatabaseError"):
        SqliteStore(str(file)).run(Batch([query()]))
    assert file.read_bytes() == content


def test_a_folder_that_is_not_there_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="FileNotFoundError"):
        SqliteStore(str(tmp_path / "none" / "fleet.db")).run(Batch([query()]))


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StoreError, match="DatabaseError"):
        SqliteStore(str(file)).run(Batch([query()]))


def test_the_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE orders (number INTEGER)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match="DatabaseError"):
        SqliteStore(str(file)).run(Batch([query()]))
    assert file.read_bytes() == before


def test_after_the_file_was_removed_everyone_uses_the_new_one(tmp_path: Path) -> None:
    file = str(tmp_path / "fleet.db")
    one, two, third = SqliteStore(file), SqliteStore(file), SqliteStore(file)
    for store in (one, two, third):
        store.run(Batch([query()]))
    for each in tmp_path.iterdir():
        each.unlink()
    one.run(Batch(updates=[Update(chain=tuple(query().chain), scope=b"scope", life_seconds=300.0)]))
    third.close()  # the last that has the old file open, but one: what it cleans up must not be that of the new one
    two.run(Batch([query()]))
    one.close()
    (found,) = two.run(Batch([query()])).found
    two.close()
    assert found is not None
    assert (found.known, found.alive) == (1, 1)


def test_a_file_that_another_process_holds_is_waited_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_BUSY_SECONDS", 0.01)
    store = SqliteStore(str(tmp_path / "fleet.db"))
    store.run(Batch([query()]))
    other = sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="OperationalError"):
        store.run(Batch([query()]))
    other.execute("ROLLBACK")
    other.close()
    assert store.run(Batch([query()])).found[0] is not None


def test_a_full_file_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store, "MAX_FILE_BYTES", 40 * 4_096)
    store = SqliteStore(str(tmp_path / "fleet.db"))
    failures = 0
    for number in range(400):
        variant = VariantUpdate(template=b"t", variant=number.to_bytes(8, "big"), body=os.urandom(2_000))
        try:
            store.run(Batch([], [Update(scope=b"s", life_seconds=300.0, variant=variant)]))
        except StoreError:
            failures += 1
    assert 0 < failures < 40
    assert (tmp_path / "fleet.db").stat().st_size <= 40 * 4_096
    store.close()


def test_a_full_file_that_cannot_be_emptied_is_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(str(tmp_path / "fleet.db"))
    store.run(Batch([query()]))

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite_store, "TABLES", ("nothing",))
    monkeypatch.setattr(store, "_run", full)
    with pytest.raises(StoreError):
        store.run(Batch([query()]))
    assert store._connection is None


def test_what_is_old_is_cleaned_away(tmp_path: Path) -> None:
    shared = in_a_file(tmp_path)
    process = shared.process()
    process.send(BODY)
    shared.clock.now_seconds += 2 * 86_400 + 31
    shared.process().store.run(Batch())
    with sqlite3.connect(tmp_path / "fleet.db") as connection:
        counts = [f"SELECT count(*) FROM {table}" for table in sqlite_store.TABLES]  # noqa: S608  # our own names
        left = [connection.execute(count).fetchone()[0] for count in counts]
    connection.close()
    assert not any(left), left


def test_in_a_forked_child_the_connection_is_the_parents(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "fleet.db"))
    store.forget()
    store.run(Batch([query()]))
    parents = store._connection
    store.forget()
    assert store._connection is None
    assert parents in sqlite_store._inherited
    assert store.run(Batch([query()])).found[0] is not None
    store.close()


def test_without_redis_py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(redis_connection, "import_module", missing)
    with pytest.raises(MissingPackageError, match=r"pip install 'otel-promptcache\[fleet\]'"):
        RedisStore("redis://localhost", "n")


HEADER = bytes(6) + bytes((0, 1, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1))


def test_an_answer_is_read() -> None:
    prefixes = bytes((0, 0, 0, 0, 0, 9, 1)) + bytes((5, 12)) + b"scope" + bytes(5) + b"\1" + bytes(5) + b"\2"
    found = read_found([HEADER, prefixes, bytes((0, 0, 5)), b"resp_1", bytes(20) + b"s", b"body"])
    assert found is not None
    assert (found.known, found.alive, found.requests, found.is_new_digest) == (1, 1, 1, None)
    assert found.prefixes[0].tokens == 8
    assert found.prefixes[0].entries[b"scope"][:2] == (1, 2)
    assert found.flights[0].leaves == 5
    assert (found.variants[0].scope, found.variants[0].body, found.response_id) == (b"s", b"body", "resp_1")


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [HEADER],
        [HEADER, b"", b"", 1],
        [b"short", b"", b"", b""],
        [HEADER, b"\0", b"", b""],
        [HEADER, bytes((0, 0, 0, 0, 0, 0, 1)), b"", b""],
        [HEADER, bytes((0, 0, 0, 0, 0, 0, 1, 1, 5)) + b"s12345", b"", b""],
        [HEADER, b"", b"\0", b""],
        [HEADER, b"", b"", b"", b"odd"],
        [HEADER, b"", b"", b"\xff"],
    ],
)
def test_an_answer_of_another_shape_is_none(reply: list[object]) -> None:
    assert read_found(reply) is None
