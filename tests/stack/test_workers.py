"""The recipes for servers with several workers: each worker reports under its own id, and nothing is lost."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from otel_promptcache.sim import SimConfig, Simulator
from tests.stack.parts import python_packages
from tests.stack.served import PROVIDER, READY, TEMPLATE
from tests.stack.services import Service, free_port, get_json, prometheus, receiver

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples" / "workers"
REQUESTS, WORKERS = 60, 3
ID_OF_THE_POD = "pod-1"
_ARRIVED_SECONDS = 30.0


def command(server: str, port: int) -> list[str]:
    if server == "gunicorn":
        options = ["--config", str(RECIPES / "gunicorn.conf.py"), "--bind", f"127.0.0.1:{port}"]
        return [
            sys.executable,
            "-m",
            "gunicorn",
            *options,
            "--workers",
            str(WORKERS),
            "tests.stack.served:wsgi",
        ]
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS), "--factory"]
    return [sys.executable, "-m", "uvicorn", *options, "tests.stack.served:asgi"]


def ask(port: int) -> str:
    """Ask over a new connection, so that any worker may answer; return which one did."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def requests_by_instance(store: Service) -> dict[str, float]:
    expr = f'sum by (instance) (promptcache_requests_total{{promptcache_prefix_name="{TEMPLATE}"}})'
    found = get_json(f"{store.url}/api/v1/query", query=expr)["data"]["result"]
    return {one["metric"]["instance"]: float(one["value"][1]) for one in found}


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_each_worker_reports_under_an_id_of_its_own(server: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(prometheus(tmp_path))
        agent = stack.enter_context(receiver(tmp_path, store.url))
        provider = stack.enter_context(Simulator(SimConfig(overflow_requests_per_minute=None)))
        port = free_port()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src", RECIPES, python_packages()))),
            PROVIDER: provider.base_url,
            "OTEL_RESOURCE_ATTRIBUTES": f"service.name=shop,service.instance.id={ID_OF_THE_POD}",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{agent.url}/opentelemetry/v1/metrics",
        }
        with Service(server, command(server, port), port, READY, tmp_path, environment) as running:
            answered_by = {ask(port) for _ in range(REQUESTS)}
        by_instance = requests_by_instance(store)
        give_up = time.monotonic() + _ARRIVED_SECONDS
        while sum(by_instance.values()) < REQUESTS and time.monotonic() < give_up:
            time.sleep(0.5)
            by_instance = requests_by_instance(store)
    assert len(answered_by) > 1
    assert len(by_instance) == len(answered_by)
    assert ID_OF_THE_POD not in by_instance
    assert sum(by_instance.values()) == REQUESTS
    assert "service.instance.id" not in running.log
