"""Histograms with a bounded number of attribute sets."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.metrics import Meter

from otel_promptcache.telemetry.cardinality import Admission
from otel_promptcache.telemetry.counters import MAX_ATTRIBUTE_SETS, OVERFLOW, Labels, attributes_of
from otel_promptcache.telemetry.names import Metric


class Distribution:
    """The histogram that a metric's definition describes.

    An attribute set beyond `MAX_ATTRIBUTE_SETS` is recorded under `otel.metric.overflow`, as counters do.
    """

    def __init__(self, meter: Meter, metric: Metric) -> None:
        self._histogram = meter.create_histogram(
            metric.name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=metric.buckets
        )
        self._admission = Admission(MAX_ATTRIBUTE_SETS)
        self._attributes: dict[Labels, dict[str, str | bool]] = {OVERFLOW: attributes_of(OVERFLOW)}
        """The attribute sets that were admitted, as the SDK takes them."""

    def record(self, amount: float, labels: Labels, span: Context) -> None:
        """Record a value; the context is for exemplars."""
        attributes = self._attributes.get(labels)
        if attributes is None:
            labels = labels if self._admission.admits(labels) else OVERFLOW
            attributes = self._attributes.setdefault(labels, attributes_of(labels))
        self._histogram.record(amount, attributes, span)
