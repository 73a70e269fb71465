"""Metrics for one of several processes: each needs its own id.

Processes that report under the same id overwrite each other's counters. An id that is set for a pod or a host, in
OTEL_RESOURCE_ATTRIBUTES for example, is the same in all of its workers. The one set here takes precedence.
"""

from __future__ import annotations

import uuid

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_promptcache import instrument


def start() -> MeterProvider:
    """Set up the metrics of this process; call this in each worker, after the fork."""
    resource = Resource.create({"service.instance.id": str(uuid.uuid4())})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource=resource)
    metrics.set_meter_provider(provider)
    instrument()
    return provider
