"""The documented settings for collectors and vendors are well-formed, and OpenTelemetry reads them as meant."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
)

from tests.recipes.receiver import Receiver

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes" / "backends.md").read_text(encoding="utf-8")
_EXPORT = """
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
spans, metrics = TracerProvider(), MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
spans.get_tracer("test").start_span("test").end()
metrics.get_meter("test").create_counter("test").add(1)
metrics.shutdown()
"""
SECRETS = {
    "GRAFANA_INSTANCE_ID": "123",
    "GRAFANA_TOKEN": "glc_x==",
    "DD_API_KEY": "dd",
    "HONEYCOMB_API_KEY": "hc",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def export(receiver: Receiver, section: str, host: str, block: int = 0) -> None:
    """Export with the variables of a vendor's block, as a shell sets them; the receiver plays the vendor."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    exports = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)[block]
    assert host in exports
    script = f"set -eu\n{exports.replace(host, receiver.url)}\nexec {sys.executable} -c '{_EXPORT}'"
    environment = {"PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1", **SECRETS}
    subprocess.run(["/bin/bash", "-c", script], env=environment, check=True, capture_output=True)


def test_grafana_cloud(receiver: Receiver) -> None:
    export(receiver, "Grafana Cloud", "https://otlp-gateway-prod-eu-west-0.grafana.net")
    for path in ("/otlp/v1/metrics", "/otlp/v1/traces"):
        scheme, _, credentials = receiver.headers[path]["authorization"].partition(" ")
        assert (scheme, base64.b64decode(credentials)) == ("Basic", b"123:glc_x==")
    assert receiver.temporality() == AGGREGATION_TEMPORALITY_CUMULATIVE


def test_datadog_agent(receiver: Receiver) -> None:
    export(receiver, "Datadog", "http://datadog-agent:4318")
    assert set(receiver.headers) == {"/v1/metrics", "/v1/traces"}
    assert receiver.temporality() == AGGREGATION_TEMPORALITY_DELTA


def test_datadog_intake(receiver: Receiver) -> None:
    export(receiver, "Datadog", "https://otlp.datadoghq.com", block=1)
    assert receiver.headers["/v1/metrics"]["dd-api-key"] == "dd"
    assert receiver.temporality() == AGGREGATION_TEMPORALITY_DELTA


def test_honeycomb(receiver: Receiver) -> None:
    export(receiver, "Honeycomb", "https://api.honeycomb.io")
    assert receiver.headers["/v1/traces"]["x-honeycomb-team"] == "hc"
    assert "x-honeycomb-dataset" not in receiver.headers["/v1/traces"]
    assert receiver.headers["/v1/metrics"]["x-honeycomb-team"] == "hc"
    assert receiver.headers["/v1/metrics"]["x-honeycomb-dataset"] == "promptcache-metrics"


CONFIG = yaml.safe_load((ROOT / "examples" / "collector" / "otelcol.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("signal", ["metrics", "traces"])
def test_each_pipeline_of_the_collector_names_what_is_defined(signal: str) -> None:
    pipeline = CONFIG["service"]["pipelines"][signal]
    assert set(pipeline) == {"receivers", "processors", "exporters"}
    for kind, names in pipeline.items():
        assert set(names) <= set(CONFIG[kind])
    assert pipeline["processors"][0] == "memory_limiter"


def test_the_collector_listens_where_the_applications_send() -> None:
    ports = {
        name: it["endpoint"].rpartition(":")[2]
        for name, it in CONFIG["receivers"]["otlp"]["protocols"].items()
    }
    assert ports == {"grpc": "4317", "http": "4318"}
