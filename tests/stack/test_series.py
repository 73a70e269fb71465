"""Which series and labels arrive in a real Prometheus, by each way of getting there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import REGISTRY, start_http_server

from otel_promptcache.demo.run import local_provider
from otel_promptcache.demo.traffic import Traffic
from otel_promptcache.mixin.config import NameScheme
from otel_promptcache.mixin.series import spellings
from otel_promptcache.sim.workloads import WORKLOADS
from otel_promptcache.telemetry import names
from tests.stack.services import Service, free_port, get_json, prometheus, receiver
from tests.stack.telemetry import INSTANCE, JOB, instrumented, otlp_reader

_SECONDS = 4.0
_GOLDEN = Path(__file__).parent / "golden"
WAYS = ("otlp-suffixes", "otlp-no-suffixes", "scrape")


@contextmanager
def arrived(way: str, folder: Path) -> Iterator[Service]:
    """Send the demo's traffic to a Prometheus in one way, and yield it while the series are still there."""
    port = free_port()
    with ExitStack() as stack:
        scraped = {JOB: f"127.0.0.1:{port}"} if way == "scrape" else {}
        server = stack.enter_context(prometheus(folder, scraped=scraped))
        if way == "scrape":
            reader: Any = PrometheusMetricReader()
            http, thread = start_http_server(port, "127.0.0.1")
            stack.callback(lambda: (http.shutdown(), http.server_close(), thread.join()))
        else:
            suffixes = way == "otlp-suffixes"
            agent = stack.enter_context(receiver(folder, server.url, suffixes=suffixes))
            reader = otlp_reader(agent.url)
        with local_provider(_SECONDS, 0) as provider, instrumented(reader, fleet=folder / "fleet.db"):
            with Traffic(provider.url, WORKLOADS, seconds=_SECONDS, seed=0) as traffic:
                traffic.wait()
            time.sleep(3)
        yield server


@pytest.fixture(scope="module", params=WAYS)
def way(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Service]]:
    with arrived(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield request.param, server
    for collector in list(REGISTRY._collector_to_names):
        if "otel" in type(collector).__module__ or "opentelemetry" in type(collector).__module__:
            REGISTRY.unregister(collector)


def series(server: Service) -> list[dict[str, str]]:
    found = get_json(f"{server.url}/api/v1/series", **{"match[]": '{__name__=~"promptcache_.+|target_info"}'})
    return found["data"]


def test_names_and_labels_are_those_on_the_golden_list(way: tuple[str, Service]) -> None:
    arrived_by, server = way
    labels: dict[str, set[str]] = {}
    for one in series(server):
        labels.setdefault(one["__name__"], set()).update(set(one) - {"__name__"})
    found = {name: sorted(labels[name]) for name in sorted(labels)}
    golden = _GOLDEN / f"{arrived_by}.json"
    assert found == json.loads(golden.read_text(encoding="utf-8")), json.dumps(found, indent=2)


def test_every_counter_arrives_under_the_name_that_the_rules_expect(way: tuple[str, Service]) -> None:
    arrived_by, server = way
    scheme = NameScheme.NO_SUFFIXES if arrived_by == "otlp-no-suffixes" else NameScheme.SUFFIXES
    expected = {
        spellings(metric, scheme)[0] for metric in names.COUNTERS if metric.name.startswith("promptcache.")
    }
    # There were no internal errors to count.
    expected -= set(spellings(names.INTERNAL_ERRORS, scheme))
    assert expected <= {one["__name__"] for one in series(server)}


def test_job_and_instance_are_those_of_the_resource(way: tuple[str, Service]) -> None:
    arrived_by, server = way
    ours = [one for one in series(server) if one["__name__"].startswith("promptcache_")]
    assert {one["job"] for one in ours} == {JOB}
    if arrived_by != "scrape":
        assert {one["instance"] for one in ours} == {INSTANCE}


def test_no_label_holds_more_than_it_should(way: tuple[str, Service]) -> None:
    _, server = way
    values = {value for one in series(server) for value in one.values()}
    assert not any(len(value) > 80 for value in values - {""} if "_" not in value)
    assert not any(value.startswith("user-") for value in values)
