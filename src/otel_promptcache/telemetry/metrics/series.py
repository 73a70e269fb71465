"""The attribute sets of metrics, built once for all calls of one model with one template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from otel_promptcache.telemetry import names
from otel_promptcache.telemetry.metrics.counters import Labels


@dataclass(frozen=True, slots=True)
class Series:
    """The attribute sets of one model with one template."""

    model_labels: Labels
    """M, as the definitions of the metrics call it."""
    prefix_labels: Labels
    """P."""
    labels: Labels
    """M, P."""
    read_labels: Labels
    uncached_labels: Labels
    write_labels: Labels
    """M, P, `promptcache.token.state`."""
    inference_labels: Labels
    """operation, M."""


@lru_cache(1_024)
def series_of(
    operation: str,
    provider: str,
    model: str | None,
    api_type: str | None,
    service_tier: str | None,
    fingerprint: str | None,
    prefix_name: str | None,
) -> Series:
    """The attribute sets of a call, the same object for the same arguments while cached; a None is left out of all."""
    model_labels = _labels(
        (names.PROVIDER_NAME, provider),
        (names.REQUEST_MODEL, model),
        (names.API_TYPE, api_type),
        (names.RESPONSE_SERVICE_TIER, service_tier),
    )
    prefix_labels = _labels((names.FINGERPRINT.name, fingerprint), (names.PREFIX_NAME.name, prefix_name))
    labels = model_labels + prefix_labels
    return Series(
        model_labels=model_labels,
        prefix_labels=prefix_labels,
        labels=labels,
        read_labels=(*labels, (names.TOKEN_STATE, "read")),
        uncached_labels=(*labels, (names.TOKEN_STATE, "uncached")),
        write_labels=(*labels, (names.TOKEN_STATE, "write")),
        inference_labels=((names.OPERATION_NAME, operation), *model_labels),
    )


def _labels(*pairs: tuple[str, str | None]) -> Labels:
    return tuple((name, value) for name, value in pairs if value is not None)
