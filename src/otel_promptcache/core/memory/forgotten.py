"""Which prefixes a process may have sent, although it does not remember them."""

from __future__ import annotations

from otel_promptcache.core.prompt.chain import PrefixHash

FILTER_BYTES = 1 << 17
"""Bytes of a Bloom filter of forgotten prefixes: the more there are, the more others are mistaken for one."""
_SLICE_BITS = 20
_SLICES = (0, _SLICE_BITS, 2 * _SLICE_BITS)
_MASK = (1 << _SLICE_BITS) - 1


class ForgottenPrefixes:
    """Recognises every prefix that was added, with some false positives: a Bloom filter.

    It never grows. When it is full, every prefix tests positive. Not thread-safe.
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
        """Note that unknown prefixes were sent: from now on, any prefix may have been."""
        self._has_unknown = True


def _places(prefix: PrefixHash) -> list[int]:
    return [prefix >> shift & _MASK for shift in _SLICES]
