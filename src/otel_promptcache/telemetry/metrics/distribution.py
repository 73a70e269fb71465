"""Histograms with a bounded number of attribute sets, with explicit or exponential buckets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, Meter, MeterProvider

from otel_promptcache.telemetry.metrics.counters import (
    OVERFLOW,
    Labels,
    admission_of_attribute_sets,
    attributes_of,
)
from otel_promptcache.telemetry.names import SCOPE_NAME, Metric


class Distribution:
    """The histogram that a metric's definition describes.

    An attribute set beyond `MAX_ATTRIBUTE_SETS` is recorded under `otel.metric.overflow`, as counters do.
    """

    def __init__(self, meter: Meter, metric: Metric) -> None:
        self._metric = metric
        self.is_exponential = False
        """Each attribute set is one series, so there may be many; with explicit buckets it is one series per bucket."""
        self._histogram = meter.create_histogram(
            metric.name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=metric.buckets
        )
        self._admission = admission_of_attribute_sets()
        self._attributes: dict[Labels, dict[str, str | bool]] = {OVERFLOW: attributes_of(OVERFLOW)}
        """The attribute sets that were admitted, as the SDK takes them."""

    def record(self, amount: float, labels: Labels, span: Context) -> None:
        """Record a value; the context is for exemplars."""
        attributes = self._attributes.get(labels)
        if attributes is None:
            labels = labels if self._admission.admits(labels) else OVERFLOW
            attributes = self._attributes.setdefault(labels, attributes_of(labels))
        self._histogram.record(amount, attributes, span)

    def make_exponential(self, meter_provider: MeterProvider) -> str | None:
        """Have the SDK aggregate it in exponential buckets; call this before anything is recorded.

        An instrument cannot ask for that, so a view is added to the provider's own, which stay unchanged. If one of
        those matches this histogram, it decides.

        Returns:
            Why that is impossible; None if it was done.
        """
        settings: Any = getattr(meter_provider, "_sdk_config", None)
        views, readers = getattr(settings, "views", None), _readers(meter_provider, settings)
        if not isinstance(views, (list, tuple)) or readers is None:
            return "the meter provider is not one of OpenTelemetry's SDK, or has not been set yet"
        if any(map(_fails_on_exponential, readers)):
            return "the SDK's Prometheus exporter fails on exponential histograms"
        views = cast("list[Any] | tuple[Any, ...]", views)
        if not _is_viewed(self._histogram, views):
            settings.views = (*views, _exponential_view(self._metric))
        self.is_exponential = True
        return None


def _readers(meter_provider: MeterProvider, settings: Any) -> Iterable[object] | None:
    """The metric readers of the SDK's provider, which older versions keep elsewhere; None if there are none."""
    for owner, name in ((meter_provider, "_metric_readers"), (settings, "metric_readers")):
        readers = getattr(owner, name, None)
        if isinstance(readers, (list, tuple, set)):
            return cast("Iterable[object]", readers)
    return None


def _fails_on_exponential(reader: object) -> bool:
    """Whether one exponential histogram would make the application's whole scrape fail."""
    return any(
        kind.__module__.startswith("opentelemetry.exporter.prometheus") for kind in type(reader).__mro__
    )


def _is_viewed(histogram: Histogram, views: Iterable[Any]) -> bool:
    return any(view._match(histogram) for view in views)  # noqa: SLF001  # the SDK has no other way to ask


def _exponential_view(metric: Metric) -> object:
    # Instrumenting does not need the SDK.
    from opentelemetry.sdk.metrics.view import (  # noqa: PLC0415
        ExponentialBucketHistogramAggregation,
        View,
    )

    return View(
        instrument_name=metric.name,
        meter_name=SCOPE_NAME,
        aggregation=ExponentialBucketHistogramAggregation(),
    )
