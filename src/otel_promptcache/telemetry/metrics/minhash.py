"""One number for the variants of a template that this process sees: processes that see the same ones report the same.

The smallest of the digests' hashes is a MinHash: the probability that two sets have the same one is the share of
elements that they have in common. So the number of distinct values in a fleet distinguishes N processes with a variant
each from N processes that share one, without a label for each variant.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_promptcache.core.memory.forking import restart_in_forked_child
from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.metrics.counters import MAX_ATTRIBUTE_SETS, Labels, attributes_of

PERIOD_SECONDS = 3_600.0
"""Seconds in a period. What was seen in one is kept for one more, then forgotten."""

_HASH_DIGITS = 6  # 24 bits, which even a single-precision float represents exactly


@dataclass(slots=True)
class _Smallest:
    """The smallest hash of a template in this period, and in the one before."""

    since_seconds: float
    now: int
    before: int | None = None

    def add(self, hashed: int, now_seconds: float) -> None:
        age_seconds = now_seconds - self.since_seconds
        if age_seconds < PERIOD_SECONDS:
            self.now = min(self.now, hashed)
            return
        self.before = self.now if age_seconds < 2 * PERIOD_SECONDS else None
        self.since_seconds, self.now = now_seconds, hashed

    def value(self, now_seconds: float) -> int | None:
        """The smallest hash of the last one or two periods; None if nothing was seen in that time."""
        age_seconds = now_seconds - self.since_seconds
        if age_seconds >= 2 * PERIOD_SECONDS:
            return None
        is_before_recent = self.before is not None and age_seconds < PERIOD_SECONDS
        return min(self.now, self.before) if is_before_recent and self.before is not None else self.now


class MinHashes:
    """The gauge `promptcache.prefix.minhash`, for at most as many templates as a counter has attribute sets.

    A forked child starts with nothing: what the parent saw, the parent reports.

    Args:
        meter: What the gauge is created with.
        clock: Seconds that never go back.
    """

    def __init__(self, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._templates: dict[Labels, _Smallest] = {}
        self._lock = threading.Lock()
        restart_in_forked_child(self)
        metric = names.PREFIX_MINHASH
        meter.create_observable_gauge(metric.name, [self._read], metric.unit, metric.meaning)

    def add(self, labels: Labels, digest: str) -> None:
        """Record that a variant of a template was seen.

        Args:
            labels: The template. A mixture of templates, `other`, is left out.
            digest: The variant's digest, in hexadecimal.
        """
        if (names.FINGERPRINT.name, names.OTHER) in labels:
            return
        hashed, now_seconds = int(digest[:_HASH_DIGITS], 16), self._clock()
        with self._lock:
            known = self._templates.get(labels)
            if known is not None:
                known.add(hashed, now_seconds)
            elif len(self._templates) < MAX_ATTRIBUTE_SETS:
                self._templates[labels] = _Smallest(now_seconds, hashed)

    def restart(self) -> None:
        """Forget everything; the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
        self._templates = {}

    def _read(self, _: CallbackOptions) -> Sequence[Observation]:
        now_seconds = self._clock()
        with self._lock:
            values = {labels: one.value(now_seconds) for labels, one in self._templates.items()}
            self._templates = {
                labels: one for labels, one in self._templates.items() if values[labels] is not None
            }
        return list(_observations(values))


def _observations(values: dict[Labels, int | None]) -> Iterator[Observation]:
    for labels, value in values.items():
        if value is not None:
            yield Observation(value, attributes_of(labels))
