"""Bounds how many distinct values and attribute sets reach a metric, whatever the traffic."""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Mapping

from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.exportable import MAX_LABEL_CHARS, text

MAX_CANDIDATES = 2_048
"""Values, for each attribute, that are not admitted yet and whose sightings are counted."""
MAX_LABEL_VALUES = 100
"""Values that metrics distinguish for an attribute without its own setting, plus half as many that recur later."""

_CANDIDATES_PER_SLOT = 32


class Admission:
    """Admits keys permanently: a series never changes its name.

    The first keys are admitted immediately. Once all slots are taken, a key must recur before it is admitted, and the
    fewer places are left in the reserve, the more often. So a flood of keys that are seen once or a few times does not
    keep out one that recurs.

    Args:
        slots: How many of the first keys are admitted.
        reserve: How many of the later ones are admitted.
    """

    def __init__(self, slots: int, reserve: int) -> None:
        self._slots = slots
        self._reserve = reserve
        self._admitted: set[Hashable] = set()
        self._sightings: OrderedDict[int, int] = OrderedDict()
        """How often each key that is not admitted yet was seen, by its hash."""

    def admits(self, key: Hashable) -> bool:
        """Tell whether a key is admitted; asking counts as seeing it."""
        if key in self._admitted:
            return True
        # No lock, because a forked child might find it taken: at worst a sighting is lost, or a few extra keys get in.
        hashed = hash(key)
        sightings = self._sightings.pop(hashed, 0) + 1
        if sightings >= self._needed_sightings():
            self._admitted.add(key)
            return True
        self._sightings[hashed] = sightings
        if len(self._sightings) > min(self._slots * _CANDIDATES_PER_SLOT, MAX_CANDIDATES):
            self._sightings.popitem(last=False)
        return False

    def _needed_sightings(self) -> float:
        left = self._slots + self._reserve - len(self._admitted)
        if left <= 0:
            return math.inf
        return 1 if left > self._reserve else 2 * math.isqrt(self._reserve // left)


class BoundedLabel:
    """Bounds the values of one metric attribute: `slots` immediately, half as many that recur, and `other`."""

    def __init__(self, slots: int) -> None:
        self._admission = Admission(slots, slots // 2)
        self._admitted: dict[str, str] = {}
        """Values that were admitted unchanged."""

    def admit(self, value: str) -> str:
        """Return the value as metrics show it: itself, or `other`."""
        known = self._admitted.get(value)
        if known is not None:
            return known
        label = text(value, MAX_LABEL_CHARS)
        if not self._admission.admits(label):
            return names.OTHER
        if label == value:
            self._admitted[value] = label
        return label


class BoundedLabels:
    """Bounds the values of all metric attributes, each separately.

    Args:
        slots: How many values of an attribute are admitted immediately, by its name, if not `MAX_LABEL_VALUES`.
    """

    def __init__(self, slots: Mapping[str, int]) -> None:
        self._labels: defaultdict[str, BoundedLabel] = defaultdict(lambda: BoundedLabel(MAX_LABEL_VALUES))
        self._labels.update((name, BoundedLabel(count)) for name, count in slots.items())

    def admit(self, name: str, value: str) -> str:
        """Return the value of an attribute as metrics show it: itself, or `other`."""
        return self._labels[name].admit(value)
