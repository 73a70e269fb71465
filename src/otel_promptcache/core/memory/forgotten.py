"""Which prefixes a process may have sent, although it does not remember them."""

from __future__ import annotations

from otel_promptcache.core.prompt.chain import PrefixHash

FILTER_BYTES = 1 << 17
"""Bytes that say which prefixes were sent and are not remembered; the more there are, the more others pass for one."""
_SLICE_BITS = 20
_SLICES = (0, _SLICE_BITS, 2 * _SLICE_BITS)
_MASK = (1 << _SLICE_BITS) - 1


class ForgottenPrefixes:
    """Knows every prefix that was added, and takes some others for one, too: a Bloom filter.

    It never gets larger. When it is full, it takes any prefix for one that was added. Not safe to share by threads.
    """

    def __init__(self) -> None:
        self._bits: bytearray | None = None
        """None until something is added: most processes forget nothing."""
        self._has_unknown = False

    def __contains__(self, prefix: PrefixHash) -> bool:
        """Whether a prefix may have been added."""
        bits = self._bits
        if self._has_unknown or bits is None:
            return self._has_unknown
        return all(bits[place >> 3] >> (place & 7) & 1 for place in _places(prefix))

    def add(self, prefix: PrefixHash) -> None:
        """Note a prefix."""
        if self._bits is None:
            self._bits = bytearray(FILTER_BYTES)
        for place in _places(prefix):
            self._bits[place >> 3] |= 1 << (place & 7)

    def add_unknown(self) -> None:
        """Note that prefixes were sent that cannot be told: from now on it may be any."""
        self._has_unknown = True


def _places(prefix: PrefixHash) -> list[int]:
    return [prefix >> shift & _MASK for shift in _SLICES]
