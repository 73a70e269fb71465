"""Quantiles from exponential histograms, which resolve short times better than fixed buckets do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint


class Bucket(NamedTuple):
    """A number of values above `low`, up to and including `high`."""

    low: float
    high: float
    values: int


def buckets(point: ExponentialHistogramDataPoint) -> list[Bucket]:
    """List the occupied buckets of a histogram of values that are never negative."""
    base = 2.0 ** (2.0**-point.scale)
    positive = point.positive
    occupied = [
        Bucket(base ** (positive.offset + index), base ** (positive.offset + index + 1), count)
        for index, count in enumerate(positive.bucket_counts)
        if count
    ]
    return [Bucket(0.0, 0.0, point.zero_count), *occupied] if point.zero_count else occupied


def median(histogram: Iterable[Bucket]) -> float | None:
    """Estimate the median as the geometric mean of its bucket's bounds; None if there are no values."""
    ascending = sorted(histogram, key=lambda bucket: bucket.high)
    rest = sum(bucket.values for bucket in ascending) / 2
    for bucket in ascending:
        rest -= bucket.values
        if rest <= 0:
            return (bucket.low * bucket.high) ** 0.5
    return None
