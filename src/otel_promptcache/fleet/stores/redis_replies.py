"""Reads the replies of the reading script, as bytes; validates them, because others may have written the data."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import cast

from otel_promptcache.fleet.naming.scopes import MAX_SCOPE_BYTES
from otel_promptcache.fleet.store import (
    HASH_BYTES,
    MAX_CHAIN,
    MAX_SCOPES,
    MAX_VARIANTS,
    Entry,
    Found,
    FoundFlight,
    FoundPrefix,
    FoundVariant,
)

_TIME_BYTES = 6
_HEADER = struct.Struct(">6sHHIBHBB")
_PREFIX = struct.Struct(">HIB")
_FLIGHT = struct.Struct(">HB")
_MAX_ID_BYTES = 4_096


def read_found(reply: Sequence[object]) -> Found | None:
    """Read what was found; None if it has a different shape."""
    if not all(isinstance(each, bytes) for each in reply):
        return None
    try:
        header, prefixes, flights, response_id, *variants = cast("Sequence[bytes]", reply)
        now, known, alive, requests, is_new, digests, has_template, is_asked = _HEADER.unpack(header)
        return Found(
            now=_time(now),
            known=min(known, MAX_CHAIN),
            alive=min(alive, MAX_CHAIN),
            requests=requests,
            is_new_digest=None if is_new > 1 else bool(is_new),
            digests=digests,
            has_template=bool(has_template),
            is_asked=bool(is_asked),
            prefixes=_prefixes(prefixes),
            flights=[FoundFlight(*each) for each in _FLIGHT.iter_unpack(flights)],
            variants=[_variant(*pair) for pair in zip(variants[::2], variants[1::2], strict=True)][
                :MAX_VARIANTS
            ],
            response_id=response_id[:_MAX_ID_BYTES].decode("utf-8", "surrogatepass") or None,
        )
    except (struct.error, ValueError, IndexError):
        return None


def _prefixes(data: bytes) -> list[FoundPrefix]:
    found: list[FoundPrefix] = []
    at = 0
    while at < len(data):
        place, tokens, count = _PREFIX.unpack_from(data, at)
        at += _PREFIX.size
        entries: dict[bytes, Entry] = {}
        for _ in range(count):
            scope_bytes, value_bytes = data[at], data[at + 1]
            end = at + 2 + scope_bytes
            scope, value = data[at + 2 : end], data[end : end + value_bytes]
            at = end + value_bytes
            if scope_bytes <= MAX_SCOPE_BYTES and len(entries) <= MAX_SCOPES:
                entries[scope] = _entry(value)
        found.append(FoundPrefix(place, tokens - 1 if tokens else None, entries))
    return found


def _entry(value: bytes) -> Entry:
    times = [_time(value[at : at + _TIME_BYTES]) for at in range(0, len(value), _TIME_BYTES)]
    if len(times) not in (2, 4):
        raise ValueError("an entry of the wrong length")
    return Entry(*times)


def _variant(meta: bytes, body: bytes) -> FoundVariant:
    start, end = HASH_BYTES, HASH_BYTES + 2 * _TIME_BYTES
    at, until = _time(meta[start : start + _TIME_BYTES]), _time(meta[start + _TIME_BYTES : end])
    return FoundVariant(meta[:HASH_BYTES], at, until, meta[end:], body)


def _time(data: bytes) -> int:
    return int.from_bytes(data, "big")
