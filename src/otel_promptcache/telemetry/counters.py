"""Counters that cost a dictionary look-up: the sums are ours, OpenTelemetry reads them at collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_promptcache.core.forking import restart_in_forked_child
from otel_promptcache.telemetry.names import OTEL_METRIC_OVERFLOW, Metric

Labels = tuple[tuple[str, str], ...]
"""Attributes of a metric in a fixed order, so that they can be a key."""

MAX_CELLS = 1_800
"""Attribute sets per counter, below the 2,000 at which the SDK would fold them in an order of its own."""

_OVERFLOW: Labels = ((OTEL_METRIC_OVERFLOW, ""),)


class Counters:
    """A set of monotonic counters with bounded memory, right for any number of readers.

    An attribute set beyond `MAX_CELLS` is counted under `otel.metric.overflow`, as the SDK itself would.
    A forked child starts at zero: what the parent counted, the parent reports.
    """

    def __init__(self, meter: Meter, metrics: Iterable[Metric]) -> None:
        self._cells: dict[Metric, dict[Labels, float]] = {metric: {} for metric in metrics}
        self._lock = threading.Lock()
        self.before_reading: Callable[[], None] = _nothing
        """Called at each collection, so that what is still to be counted can be."""
        restart_in_forked_child(self)
        for metric in self._cells:
            meter.create_observable_counter(metric.name, [self._reader(metric)], metric.unit, metric.meaning)

    def add(self, metric: Metric, amount: float, labels: Labels) -> None:
        """Count; amounts must not be negative."""
        with self._lock:
            cells = self._cells[metric]
            if labels not in cells and len(cells) >= MAX_CELLS:
                labels = _OVERFLOW
            cells[labels] = cells.get(labels, 0) + amount

    def _reader(self, metric: Metric) -> Callable[[CallbackOptions], Sequence[Observation]]:
        def read(_: CallbackOptions) -> Sequence[Observation]:
            self.before_reading()
            with self._lock:
                cells = list(self._cells[metric].items())
            return [
                Observation(value, {OTEL_METRIC_OVERFLOW: True} if labels is _OVERFLOW else dict(labels))
                for labels, value in cells
            ]

        return read

    def restart(self) -> None:
        """Forget all sums; the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
        self._cells = {metric: {} for metric in self._cells}


def _nothing() -> None:
    """Do nothing."""
