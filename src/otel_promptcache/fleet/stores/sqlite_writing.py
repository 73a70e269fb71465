"""Writes what a SQLite file remembers of a prompt that was answered, or given up."""

from __future__ import annotations

import sqlite3

from otel_promptcache.fleet.store import DAY_SECONDS, MAX_VARIANTS, MIN_LIFE_SECONDS, Update, VariantUpdate
from otel_promptcache.fleet.stores.sqlite_reading import count_start

_DAY_MS = DAY_SECONDS * 1_000
_MERGE = """
INSERT INTO prefixes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    at = max(at, excluded.at), until = max(until, excluded.until), unmarked = max(unmarked, excluded.unmarked),
    marked = max(marked, excluded.marked), expires = max(expires, excluded.expires)
"""


def write(cursor: sqlite3.Cursor, update: Update, now: int) -> bool:
    """Apply an update.

    Args:
        cursor: In a transaction.
        update: The update.
        now: Milliseconds since the epoch.

    Returns:
        Whether the segments of its variant are missing.
    """
    at = now - int(update.age_seconds * 1_000)
    until = at + int(update.life_seconds * 1_000)
    kept = at + max(2 * int(update.life_seconds * 1_000), MIN_LIFE_SECONDS * 1_000)
    left: dict[int, list[int]] = {}
    for index, is_marked, life_seconds in update.left:
        left.setdefault(index, [0, 0])[is_marked] = at + int(life_seconds * 1_000)
    for index, prefix in enumerate(update.chain):
        unmarked, marked = left.get(index, (0, 0))
        expires = max(kept, 2 * max(unmarked, marked) - at)
        cursor.execute(_MERGE, (prefix, update.scope, at, until, unmarked, marked, expires))
        cursor.execute("UPDATE lengths SET expires = max(expires, ?) WHERE prefix = ?", (expires, prefix))
    for prefix, tokens in update.tokens:
        cursor.execute("INSERT OR REPLACE INTO lengths VALUES (?, ?, ?)", (prefix, tokens, kept))
    for prefix in update.flights:
        cursor.execute(
            "DELETE FROM flights WHERE scope = ? AND prefix = ? AND call = ?",
            (update.asked_scope, prefix, update.call),
        )
    if update.starts:
        count_start(cursor, update.start, now - int(update.start_age_seconds * 1_000), update.starts)
    if update.answers and update.response_id:
        row = (update.answers, update.response_id, now + _DAY_MS)
        cursor.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)
    return update.variant is not None and _write_variant(cursor, update.variant, update.scope, at, until, now)


def _write_variant(
    cursor: sqlite3.Cursor, variant: VariantUpdate, scope: bytes, at: int, until: int, now: int
) -> bool:
    expires = now + _DAY_MS
    if variant.body is not None:
        cursor.execute(
            "INSERT OR REPLACE INTO bodies VALUES (?, ?, ?)", (variant.variant, variant.body, expires)
        )
        for piece in variant.pieces:
            row = (piece, variant.template, expires)
            cursor.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)", row)
    else:
        cursor.execute("UPDATE bodies SET expires = ? WHERE variant = ?", (expires, variant.variant))
        if not cursor.rowcount:
            return True
    row = (variant.template, variant.variant, at, until, scope, expires)
    cursor.execute("INSERT OR REPLACE INTO variants VALUES (?, ?, ?, ?, ?, ?)", row)
    cursor.execute(
        "DELETE FROM variants WHERE template = ? AND variant NOT IN "
        "(SELECT variant FROM variants WHERE template = ? ORDER BY at DESC LIMIT ?)",
        (variant.template, variant.template, MAX_VARIANTS),
    )
    return False
