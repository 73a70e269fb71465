"""Receives OTLP over HTTP on loopback, and says what has arrived."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint


@final
class Receiver:
    """An OTLP endpoint for as long as the `with` block runs."""

    def __init__(self) -> None:
        self.headers: dict[str, dict[str, str]] = {}
        """The headers of the latest request to each path, by lowercase name."""
        self._bodies: list[tuple[str, bytes]] = []
        bodies, headers = self._bodies, self.headers

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers[self.path] = {name.lower(): value for name, value in self.headers.items()}
                bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[dict[str, Any]]:
        """The attributes of the spans that have a result, in the order in which they ended."""
        spans = [
            (span.end_time_unix_nano, _plain(span.attributes))
            for path, body in list(self._bodies)
            if path.endswith("/v1/traces")
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        ordered = [attributes for _, attributes in sorted(spans, key=lambda span: span[0])]
        return [attributes for attributes in ordered if "promptcache.result" in attributes]

    def requests(self) -> Counter[str]:
        """Requests that the metrics count, by template name, from each process's last export."""
        latest: dict[tuple[str, str], tuple[str, int]] = {}
        for instance, point in self._counted():
            labels = _plain(point.attributes)
            name = labels.get("promptcache.prefix.name", "")
            latest[instance, str(sorted(labels.items()))] = (name, point.as_int)
        requests: Counter[str] = Counter()
        for name, count in latest.values():
            requests[name] += count
        return requests

    def instances(self) -> set[str]:
        """The ids of the processes that reported requests."""
        return {instance for instance, _ in self._counted()}

    def temporality(self) -> int:
        """The temporality of all counters that arrived."""
        (temporality,) = {
            metric.sum.aggregation_temporality for _, metric in self._metrics() if metric.sum.data_points
        }
        return temporality

    def _counted(self) -> Iterator[tuple[str, NumberDataPoint]]:
        for instance, metric in self._metrics():
            if metric.name == "promptcache.requests":
                yield from ((instance, point) for point in metric.sum.data_points)

    def _metrics(self) -> Iterator[tuple[str, Metric]]:
        for path, body in list(self._bodies):
            if path.endswith("/v1/metrics"):
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    instance = str(_plain(resource.resource.attributes).get("service.instance.id"))
                    for scope in resource.scope_metrics:
                        yield from ((instance, metric) for metric in scope.metrics)


def _plain(attributes: Any) -> dict[str, Any]:
    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, pair.value.WhichOneof("value") or "string_value")

    return {pair.key: value(pair) for pair in attributes}
