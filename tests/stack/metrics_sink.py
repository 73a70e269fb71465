"""Receives metrics by OTLP over HTTP and adds up the counters of all processes."""

from __future__ import annotations

from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


@final
class MetricsSink:
    """A receiver, for as long as the block runs."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, ...], float] = {}
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sink._take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/metrics"

    def __enter__(self) -> MetricsSink:
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def total(self, name: str, by: str = "") -> Counter[str]:
        """The sums of the last values of a counter's series, by an attribute."""
        totals: Counter[str] = Counter()
        for (metric, attributes, *_), value in self._latest.items():
            if metric == name:
                labels = dict(each.split("=", 1) for each in attributes.split("\n") if each)
                totals[labels.get(by, "")] += int(value)
        return totals

    def _take(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            process = str(resource.resource.attributes)
            for metric in (each for scope in resource.scope_metrics for each in scope.metrics):
                for point in metric.sum.data_points:
                    pairs = sorted(f"{each.key}={each.value.string_value}" for each in point.attributes)
                    self._latest[metric.name, "\n".join(pairs), process] = point.as_double or point.as_int
