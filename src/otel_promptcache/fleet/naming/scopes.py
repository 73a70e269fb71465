"""Scopes as kept in a store: a short keyed hash of each field, so that two can be compared by field."""

from __future__ import annotations

from otel_promptcache.core.prompt.segments import CacheScope
from otel_promptcache.fleet.naming.hashes import FleetHashes
from otel_promptcache.fleet.store import HASH_BYTES

_SIZES = {
    "model": 3, "cache_key": 6, "service_tier": 2, "reasoning_effort": 2, "verbosity": 2, "parallel_tool_calls": 1,
    "provider": 2, "host": 3, "upstream": 3,
}  # fmt: skip
_FIXED_BYTES = sum(_SIZES.values())
_NAME_BYTES, _VALUE_BYTES, MAX_SETTINGS = 2, 3, 8
_SETTING_BYTES = _NAME_BYTES + _VALUE_BYTES
MAX_SCOPE_BYTES = _FIXED_BYTES + MAX_SETTINGS * _SETTING_BYTES
_MAX_KNOWN = 2_048


class FleetScopes:
    """Writes and reads scopes. In a scope from the store, the fields that differ are opaque."""

    def __init__(self, hashes: FleetHashes) -> None:
        self._hashes = hashes
        self._known: dict[CacheScope, bytes] = {}

    def encode(self, scope: CacheScope) -> bytes:
        """Write a scope."""
        known = self._known.get(scope)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            known = self._known[scope] = self._encode(scope)
        return known

    def decode(self, data: bytes, own: CacheScope) -> CacheScope | None:
        """Read a scope relative to a process's own, whose fields it gets where they are equal.

        Returns:
            `own` itself if it is the same scope; None if the data is not a scope.
        """
        mine = self.encode(own)
        if data == mine:
            return own
        rest = len(data) - _FIXED_BYTES
        if rest < 0 or rest % _SETTING_BYTES or len(data) > MAX_SCOPE_BYTES:
            return None
        fields: dict[str, str | bool] = {}
        start = 0
        for name, size in _SIZES.items():
            theirs = data[start : start + size]
            if theirs != mine[start : start + size]:
                # A flag has one other value; of any other field it is only known that it differs from ours.
                fields[name] = (not own.parallel_tool_calls) if size == 1 else f"another {theirs.hex()}"
            start += size
        scope = own._replace(**fields)  # pyright: ignore[reportArgumentType]  # names of the tuple's own fields
        if data[_FIXED_BYTES:] == mine[_FIXED_BYTES:]:
            return scope
        names = {
            self._hashes.hash(name.encode(), b"setting", _NAME_BYTES): (name, value)
            for name, value in own.settings
        }
        settings: list[tuple[str, int]] = []
        for at in range(_FIXED_BYTES, len(data), _SETTING_BYTES):
            name, value = data[at : at + _NAME_BYTES], data[at + _NAME_BYTES : at + _SETTING_BYTES]
            known = names.get(name)
            if known and self._value(known[1]) == value:
                settings.append(known)
            else:
                settings.append((known[0] if known else "", int.from_bytes(value, "big")))
        return scope._replace(settings=tuple(sorted(settings)))

    def _encode(self, scope: CacheScope) -> bytes:
        parts = [
            self._hashes.hash(
                str(getattr(scope, name)).encode("utf-8", "surrogatepass"), name.encode()[:16], size
            )
            for name, size in _SIZES.items()
        ]
        for name, value in scope.settings[:MAX_SETTINGS]:
            parts += (self._hashes.hash(name.encode(), b"setting", _NAME_BYTES), self._value(value))
        return b"".join(parts)

    def _value(self, value: int) -> bytes:
        return self._hashes.hash(value.to_bytes(HASH_BYTES, "big"), b"value", _VALUE_BYTES)
