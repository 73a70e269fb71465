from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ExponentialHistogram, Histogram, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from otel_promptcache.telemetry.metrics.distribution import Distribution
from otel_promptcache.telemetry.names import SCOPE_NAME, TIME_TO_FIRST_TOKEN_DISTRIBUTION

NAME = TIME_TO_FIRST_TOKEN_DISTRIBUTION.name


def recorded(views: Any, *, is_exponential: bool) -> dict[str, Any]:
    """Record a value of ours and one of the application; return the data by scope."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    distribution = Distribution(provider.get_meter(SCOPE_NAME), TIME_TO_FIRST_TOKEN_DISTRIBUTION)
    if is_exponential:
        assert distribution.make_exponential(provider) is None
        assert distribution.make_exponential(provider) is None  # as a second instrument() would
    distribution.record(0.3, (("a", "x"),), Context())
    provider.get_meter("application").create_histogram(NAME).record(0.3)
    data = reader.get_metrics_data()
    assert data is not None
    return {
        scope.scope.name: metric.data
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
    }


@pytest.mark.parametrize("views", [[], ()])
def test_only_ours_is_exponential_and_only_if_it_is_to_be(views: Any) -> None:
    assert {name: type(data) for name, data in recorded(views, is_exponential=False).items()} == {
        SCOPE_NAME: Histogram,
        "application": Histogram,
    }
    data = recorded(views, is_exponential=True)
    assert isinstance(data[SCOPE_NAME], ExponentialHistogram)
    assert isinstance(data["application"], Histogram)
    (point,) = data[SCOPE_NAME].data_points
    assert (point.count, point.sum) == (1, 0.3)


def test_a_view_of_the_application_that_is_about_ours_decides() -> None:
    own = View(instrument_name="*", aggregation=ExplicitBucketHistogramAggregation([1.0]))
    data = recorded([own], is_exponential=True)
    assert [point.explicit_bounds for point in data[SCOPE_NAME].data_points] == [(1.0,)]


def test_views_of_the_application_that_are_about_others_stay() -> None:
    own = View(meter_name="application", aggregation=ExplicitBucketHistogramAggregation([1.0]))
    views = [own]
    data = recorded(views, is_exponential=True)
    assert isinstance(data[SCOPE_NAME], ExponentialHistogram)
    assert data["application"].data_points[0].explicit_bounds == (1.0,)
    assert views == [own]


def test_a_provider_that_is_none_of_the_sdk_is_named() -> None:
    provider = NoOpMeterProvider()
    distribution = Distribution(provider.get_meter(SCOPE_NAME), TIME_TO_FIRST_TOKEN_DISTRIBUTION)
    assert "not one of OpenTelemetry's SDK" in str(distribution.make_exponential(provider))


def test_a_scrape_that_would_fail_is_left_alone() -> None:
    class Scraped(InMemoryMetricReader):
        pass

    Scraped.__module__ = "opentelemetry.exporter.prometheus"
    provider = MeterProvider([Scraped()], shutdown_on_exit=False)
    distribution = Distribution(provider.get_meter(SCOPE_NAME), TIME_TO_FIRST_TOKEN_DISTRIBUTION)
    assert "Prometheus exporter" in str(distribution.make_exponential(provider))
    assert provider._sdk_config.views == ()


def test_an_older_sdk_keeps_its_readers_elsewhere() -> None:
    settings = SimpleNamespace(views=[], metric_readers=[InMemoryMetricReader()])
    older: Any = SimpleNamespace(_sdk_config=settings)
    meter = MeterProvider(shutdown_on_exit=False).get_meter(SCOPE_NAME)
    assert Distribution(meter, TIME_TO_FIRST_TOKEN_DISTRIBUTION).make_exponential(older) is None
    assert len(settings.views) == 1
