"""Reads what a SQLite file knows of a prompt, and notes that it is in flight."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from otel_promptcache.fleet.store import (
    DAY_SECONDS,
    FLIGHT_SECONDS,
    LEAVES_MARKED,
    LEAVES_UNMARKED,
    MARKED,
    MAX_DIGESTS,
    MAX_SCOPES,
    MAX_VARIANTS,
    PLAIN,
    RATE_SECONDS,
    READS_MARKED,
    READS_UNMARKED,
    UNMARKED,
    Entry,
    Found,
    FoundFlight,
    FoundPrefix,
    FoundVariant,
    Query,
)

_FURTHER = 16
"""Further prefixes that are searched, after all others, for one whose tokens are known."""


def read(cursor: sqlite3.Cursor, query: Query, now: int) -> Found:
    """Answer a query, and note that its prompt is in flight.

    Args:
        cursor: In a transaction.
        query: The query.
        now: Milliseconds since the epoch.
    """
    walk = _Walk(cursor, query, now)
    walk.follow()
    flights = _flights(cursor, query, now, walk)
    _take_off(cursor, query, now, walk.alive)
    requests = count_start(cursor, query.start, now - int(query.age_seconds * 1_000), 1)
    has_template = _has(cursor, "SELECT 1 FROM variants WHERE template = ? LIMIT 1", query.template)
    is_new, digests = _count_digest(cursor, query, now)
    is_asked = walk.alive < query.enough
    variants: list[FoundVariant] = []
    if is_asked:
        template = query.template if has_template else _predecessor(cursor, query)
        variants = _variants(cursor, template, query) if template else []
    row = None
    if query.answers:
        row = cursor.execute("SELECT response_id FROM answers WHERE answer = ?", (query.answers,)).fetchone()
    return Found(
        now=now,
        known=walk.known,
        alive=walk.alive,
        requests=requests,
        is_new_digest=is_new,
        digests=digests,
        has_template=has_template,
        is_asked=is_asked,
        prefixes=walk.found,
        flights=flights,
        variants=variants,
        response_id=row[0] if row else None,
    )


def count_start(cursor: sqlite3.Cursor, start: bytes, at: int, requests: int) -> int:
    """Count requests of a start at a time, and return how many there were in the minute before, these included."""
    second = at // 1_000
    cursor.execute(
        "INSERT INTO starts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
        (start, second, requests, (second + RATE_SECONDS + 1) * 1_000),
    )
    (total,) = cursor.execute(
        "SELECT sum(requests) FROM starts WHERE start = ? AND second BETWEEN ? AND ?",
        (start, second - RATE_SECONDS, second),
    ).fetchone()
    return max(0, total)


@dataclass(slots=True)
class _Walk:
    """Goes backwards through the prefixes of a prompt."""

    cursor: sqlite3.Cursor
    query: Query
    now: int
    known: int = 0
    alive: int = 0
    bounded: int = 0
    """How many prefixes lead up to the furthest boundary that is alive and can be read."""
    found: list[FoundPrefix] = field(default_factory=list[FoundPrefix])

    def follow(self) -> None:
        """Collect the prefixes that matter, until no earlier one does."""
        query, further = self.query, 0
        last: dict[bytes, Entry] = {}
        for index in range(len(query.chain) - 1, -1, -1):
            entries = self._entries(query.chain[index])
            if not entries:
                continue
            self.known = self.known or index + 1
            row = self.cursor.execute(
                "SELECT tokens FROM lengths WHERE prefix = ?", (query.chain[index],)
            ).fetchone()
            if row or entries != last:
                self.found.append(FoundPrefix(index, row[0] if row else None, entries))
                last = entries
            own = entries.get(query.scope)
            if own is not None:
                self._note(index, own)
            if self.alive and (self.bounded or not query.has_boundaries):
                further += 1
                if row or further > _FURTHER:
                    return

    def _note(self, index: int, own: Entry) -> None:
        if not self.alive and own.until >= self.now:
            self.alive = index + 1
        if not self.bounded:
            role = self.query.roles[index]
            can_read = (role & READS_UNMARKED and own.unmarked_until >= self.now) or (
                role & READS_MARKED and own.marked_until >= self.now
            )
            self.bounded = index + 1 if can_read else 0

    def _entries(self, prefix: bytes) -> dict[bytes, Entry]:
        columns = "SELECT scope, at, until, unmarked, marked FROM prefixes WHERE prefix = ?"
        rows = self.cursor.execute(f"{columns} LIMIT {MAX_SCOPES}", (prefix,)).fetchall()
        if len(rows) == MAX_SCOPES:
            rows += self.cursor.execute(f"{columns} AND scope = ?", (prefix, self.query.scope)).fetchall()
        return {row[0]: Entry(*row[1:]) for row in rows}


def _flights(cursor: sqlite3.Cursor, query: Query, now: int, walk: _Walk) -> list[FoundFlight]:
    """After what is alive: prefixes that others are sending, up to the first gap, and boundaries."""
    found: list[FoundFlight] = []
    is_contiguous = True
    for index in range(
        min(walk.alive, walk.bounded) if query.has_boundaries else walk.alive, len(query.chain)
    ):
        reads = query.roles[index] & (READS_UNMARKED | READS_MARKED)
        if not (is_contiguous and index >= walk.alive) and not reads:
            continue
        rows = cursor.execute(
            "SELECT leaves FROM flights WHERE scope = ? AND prefix = ? AND call != ? AND expires >= ?",
            (query.scope, query.chain[index], query.call, now),
        )
        leaves = 0
        for (each,) in rows:
            leaves |= each
        if index >= walk.alive and not leaves & PLAIN:
            is_contiguous = False
        if not is_contiguous or index < walk.alive:
            leaves &= ~PLAIN
        if leaves:
            found.append(FoundFlight(index, leaves))
    return found


def leaves_of(role: int, *, is_alive: bool) -> int:
    """What a request will leave at a place: `PLAIN`, `UNMARKED` and `MARKED`, combined."""
    leaves = 0 if is_alive else PLAIN
    return leaves | (UNMARKED if role & LEAVES_UNMARKED else 0) | (MARKED if role & LEAVES_MARKED else 0)


def _take_off(cursor: sqlite3.Cursor, query: Query, now: int, alive: int) -> None:
    expires = now + FLIGHT_SECONDS * 1_000
    for index, prefix in enumerate(query.chain):
        leaves = leaves_of(query.roles[index], is_alive=index < alive)
        if leaves:
            row = (query.scope, prefix, query.call, leaves, expires)
            cursor.execute("INSERT OR REPLACE INTO flights VALUES (?, ?, ?, ?, ?)", row)


def _count_digest(cursor: sqlite3.Cursor, query: Query, now: int) -> tuple[bool | None, int]:
    counted = "SELECT count(*) FROM digests WHERE template = ?"
    (digests,) = cursor.execute(counted, (query.template,)).fetchone()
    if query.digest is None or digests >= MAX_DIGESTS:
        return None, digests
    expires = now + DAY_SECONDS * 1_000
    row = (query.template, query.digest, expires)
    cursor.execute("INSERT OR IGNORE INTO digests VALUES (?, ?, ?)", row)
    return cursor.rowcount > 0, digests + (cursor.rowcount > 0)


def _predecessor(cursor: sqlite3.Cursor, query: Query) -> bytes | None:
    """The template that most of the pieces were in; None if none was."""
    votes: dict[bytes, int] = {}
    for piece in query.pieces:
        row = cursor.execute("SELECT template FROM pieces WHERE piece = ?", (piece,)).fetchone()
        if row:
            votes[row[0]] = votes.get(row[0], 0) + 1
    return max(votes, key=votes.__getitem__) if votes else None


def _variants(cursor: sqlite3.Cursor, template: bytes, query: Query) -> list[FoundVariant]:
    rows = cursor.execute(
        "SELECT variant, at, until, scope FROM variants WHERE template = ? ORDER BY at DESC LIMIT ?",
        (template, MAX_VARIANTS),
    ).fetchall()
    found: list[FoundVariant] = []
    for variant, at, until, scope in rows:
        row = None
        if variant not in query.held:
            row = cursor.execute("SELECT body FROM bodies WHERE variant = ?", (variant,)).fetchone()
        found.append(FoundVariant(variant, at, until, scope, row[0] if row else b""))
    return found


def _has(cursor: sqlite3.Cursor, statement: str, value: bytes) -> bool:
    return cursor.execute(statement, (value,)).fetchone() is not None
