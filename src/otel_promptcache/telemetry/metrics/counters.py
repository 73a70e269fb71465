"""Counters that cost a dictionary lookup: we keep the sums, and OpenTelemetry reads them at collection."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_promptcache.core.memory.forking import restart_in_forked_child
from otel_promptcache.telemetry.exportable import exportable_sum
from otel_promptcache.telemetry.metrics.cardinality import Admission
from otel_promptcache.telemetry.names import OTEL_METRIC_OVERFLOW, Metric

Labels = tuple[tuple[str, str], ...]
"""Attributes of a metric in a fixed order, so that they can be a key."""

Count = tuple[Metric, float, Labels]
"""An increment of a counter."""

MAX_ATTRIBUTE_SETS = 1_800
"""Attribute sets of a metric, below the 2,000 at which the SDK itself would choose which of them to fold."""

_RESERVED_ATTRIBUTE_SETS = 200

OVERFLOW: Labels = ((OTEL_METRIC_OVERFLOW, ""),)
"""Stands for the attribute sets beyond the bound."""


@dataclass(slots=True)
class _Cell:
    sum: float = 0


class Counters:
    """A set of monotonic counters with bounded memory, correct for any number of readers.

    An attribute set beyond `MAX_ATTRIBUTE_SETS` is counted under `otel.metric.overflow`, as the SDK itself would do.
    A forked child starts at zero: what the parent counted, the parent reports.
    """

    def __init__(self, meter: Meter, metrics: Collection[Metric]) -> None:
        # By name, because hashing a metric hashes all its fields.
        self._cells: dict[str, dict[Labels, _Cell]] = {metric.name: {} for metric in metrics}
        self._admissions = {metric.name: admission_of_attribute_sets() for metric in metrics}
        self._lock = threading.Lock()
        self.before_reading: Callable[[], None] = _nothing
        """Called at each collection, so that pending counts are included."""
        restart_in_forked_child(self)
        for metric in metrics:
            meter.create_observable_counter(
                metric.name, [self._reader(metric.name)], metric.unit, metric.meaning
            )

    def add(self, metric: Metric, amount: float, labels: Labels) -> None:
        """Count; see `add_all`."""
        self.add_all([(metric, amount, labels)])

    def add_all(self, counts: Iterable[Count]) -> None:
        """Add all counts atomically; an amount that is negative or not finite is left out."""
        with self._lock:
            for metric, amount, labels in counts:
                if not 0 <= amount <= sys.float_info.max:  # a NaN would stay in the sum for ever
                    continue
                cells = self._cells[metric.name]
                cell = cells.get(labels)
                if cell is None:
                    is_admitted = self._admissions[metric.name].admits(labels)
                    cell = cells.setdefault(labels if is_admitted else OVERFLOW, _Cell())
                cell.sum += amount

    def _reader(self, metric: str) -> Callable[[CallbackOptions], Sequence[Observation]]:
        def read(_: CallbackOptions) -> Sequence[Observation]:
            self.before_reading()
            with self._lock:
                sums = [(labels, cell.sum) for labels, cell in self._cells[metric].items()]
            return [Observation(exportable_sum(amount), attributes_of(labels)) for labels, amount in sums]

        return read

    def restart(self) -> None:
        """Forget all sums; the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
        self._cells = {metric: {} for metric in self._cells}


def admission_of_attribute_sets() -> Admission:
    """Admit `MAX_ATTRIBUTE_SETS`, the last of them only if they recur."""
    return Admission(MAX_ATTRIBUTE_SETS - _RESERVED_ATTRIBUTE_SETS, _RESERVED_ATTRIBUTE_SETS)


def attributes_of(labels: Labels) -> dict[str, str | bool]:
    """Return an attribute set as OpenTelemetry takes it."""
    return {OTEL_METRIC_OVERFLOW: True} if labels is OVERFLOW else dict(labels)


def _nothing() -> None:
    """Do nothing."""
